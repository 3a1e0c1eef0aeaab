/** Why an order was refused, line by line, in words for the guest. */

import { t } from './guest_words.js';
import { MOST } from './menu.js';

const MOST_LINES = 50;
export const MOST_NOTE_CHARACTERS = 500;
const AT_LINE = /^\/items\/(\d+)(?:\/(\w+)(?:\/(\d+))?)?$/;
/** What the order service refuses in a note. */
const UNREADABLE = /[^\P{Cc}\n\r\t]|\p{Cs}/gu;

/** @typedef {import('./bill.js').Line} Line */

/**
 * @typedef {Object} Faults
 * @property {Map<Line, string>} lines what is wrong with each
 * @property {string} note what is wrong with the note, '' for nothing
 * @property {string[]} others what is wrong with the order as a whole
 */

/**
 * What a refusal says is wrong, by its pointers: its own words are for programmers.
 *
 * @param {import('./api.js').Problem} problem
 * @param {Line[]} lines that were sent
 * @param {string} note that was sent
 * @param {Map<string, Object>} dishes the menu's by now, by sku
 * @returns {Faults}
 */
export function faultsOf({ facts }, lines, note, dishes) {
  const found = new Map();
  const mark = (line, words) => found.set(line, (found.get(line) ?? new Set()).add(words));
  const faults = { lines: new Map(), note: '', others: [] };
  for (const line of lines) if (facts.skus?.includes(line.sku)) mark(line, t.soldOut);
  for (const { pointer } of facts.errors ?? []) {
    const [, index, field, option] = AT_LINE.exec(pointer) ?? [];
    const line = lines[index];
    if (line) mark(line, wordsFor(line, field, option, dishes.get(line.sku)));
    else if (pointer === '/note') faults.note = isTooLong(note) ? t.noteTooLong(MOST_NOTE_CHARACTERS) : t.noteUnreadable;
    else if (pointer === '/kitchen') faults.others.push(t.wrongKitchen);
    else if (pointer === '/items') {
      faults.others.push(t.tooManyLines(MOST_LINES, Math.max(1, lines.length - MOST_LINES)));
    }
  }
  for (const [line, words] of found) faults.lines.set(line, [...words].join('; '));
  return faults;
}

function wordsFor(line, field, option, dish) {
  if (field === 'quantity') return t.wrongQuantity(MOST);
  if (!dish) return t.goneDish;
  // The dish is there, so it is its currency that does not fit the order's.
  if (field === 'sku') return t.otherCurrency;
  if (option !== undefined) {
    const name = line.options[option];
    const isKnown = dish.option_groups.some((group) => group.options.some((it) => it.name === name));
    return isKnown ? t.tooManyTimes(name) : t.goneOption(name);
  }
  return dish.option_groups.map((group) => groupWords(group, line)).filter(Boolean).join('; ') || t.cantBeOrdered;
}

function groupWords({ name, min, max, options }, line) {
  const count = options.filter((option) => line.options.includes(option.name)).length;
  if (count < min) return t.chooseFrom(min, name);
  return count > max ? t.chooseAtMost(max, name) : '';
}

function isTooLong(note) {
  return [...note].length > MOST_NOTE_CHARACTERS;
}

/** The note as the kitchen takes it. */
export function cleanNote(note) {
  return [...note.replace(UNREADABLE, ' ')].slice(0, MOST_NOTE_CHARACTERS).join('');
}
