/** One part of the pickup screen: numbers on the rail, as many as fit, and the others in turn. */

import { t } from './board_words.js';
import { fill, h, syncChildren } from './dom.js';

const PAGE_MS = 8_000;
/** A number that just came is on the screen for at least this long. */
const NEWS_MS = 15_000;
/** Figures shrink by these before numbers take turns; the last can be read from eight metres. */
const SIZES = [1, 0.84, 0.69];

export class BoardHalf {
  /** @type {number[]} in the order they are shown */
  #numbers = [];
  /** @type {Map<number, number>} since when each new number is shown; Infinity while it waits */
  #news = new Map();
  #page = 0;
  #pages = 1;
  #isKnown = false;
  #timer = 0;

  /**
   * @param {'preparing'|'ready'|'guessed'} name
   * @param {{isNewestFirst: boolean, empty?: string[]}} options `empty` is what it says when there
   *   is none; without it, it hides
   */
  constructor(name, { isNewestFirst, empty: [words, hint] = [] }) {
    this.isNewestFirst = isNewestFirst;
    this.list = h('ol');
    this.pages = h('p.pages');
    this.empty = words && h('div.none', { hidden: true }, h('p', words), hint && h('small', hint));
    this.element = h(
      `section.half.${name}`,
      { 'aria-labelledby': name },
      h('h1', { id: name }, t[name], this.pages),
      this.list,
      this.empty,
    );
    this.element.hidden = !this.empty;
    new ResizeObserver(() => this.#show()).observe(this.list);
    setInterval(() => this.#turn(), PAGE_MS);
  }

  has(number) {
    return this.#numbers.includes(number);
  }

  get numbers() {
    return this.#numbers;
  }

  /** All numbers at once, oldest first; what was here already keeps its place. */
  set(numbers) {
    this.#isKnown = true;
    const kept = this.#numbers.filter((number) => numbers.includes(number));
    const fresh = numbers.filter((number) => !kept.includes(number));
    this.#numbers = this.isNewestFirst ? [...fresh.reverse(), ...kept] : [...kept, ...fresh];
    this.#show();
  }

  /** A number that is news: it stands out for a while. */
  add(number) {
    const others = this.#numbers.filter((other) => other !== number);
    this.#numbers = this.isNewestFirst ? [number, ...others] : [...others, number];
    this.#news.set(number, Infinity);
    this.#show();
  }

  /** Whether a number is news still. */
  get hasNews() {
    return this.#news.size > 0;
  }

  remove(number) {
    this.#numbers = this.#numbers.filter((other) => other !== number);
    this.#show();
  }

  #turn() {
    this.#page = (this.#page + 1) % this.#pages;
    this.#show();
  }

  #show() {
    this.#forgetNews();
    // A hidden part has no size to count by.
    if (!this.empty) this.element.hidden = !this.#numbers.length;
    const shown = this.#choose(this.#fit());
    const time = performance.now();
    for (const number of shown) if (this.#news.get(number) === Infinity) this.#news.set(number, time);
    syncChildren(
      this.list,
      shown.map((number) => ({ number, isNew: this.#news.has(number) })),
      ({ number }) => String(number),
      ({ number, isNew }) => h(`li.figure${isNew ? '.is-new' : ''}`, h('span', number)),
    );
    if (this.empty) this.empty.hidden = this.#numbers.length > 0 || !this.#isKnown;
    fill(this.pages, this.#pages > 1 && t.page(this.#page + 1, this.#pages));
    clearTimeout(this.#timer);
    const next = Math.min(...this.#news.values()) + NEWS_MS - time;
    if (next < Infinity) this.#timer = setTimeout(() => this.#show(), next + 50);
  }

  #forgetNews() {
    const oldest = performance.now() - NEWS_MS;
    for (const [number, since] of this.#news) {
      if (since < oldest || !this.has(number)) this.#news.delete(number);
    }
  }

  /** Which numbers are shown where `places` fit: news for its time, and the others page by page. */
  #choose(places) {
    if (this.#numbers.length <= places) {
      [this.#page, this.#pages] = [0, 1];
      return this.#numbers;
    }
    const news = [...this.#news].sort((a, b) => (a[1] === b[1] ? 0 : a[1] - b[1]));
    const kept = news.slice(0, places).map(([number]) => number);
    const others = this.#numbers.filter((number) => !this.#news.has(number));
    const room = places - kept.length;
    this.#pages = room ? Math.max(1, Math.ceil(others.length / room)) : 1;
    this.#page %= this.#pages;
    const chosen = new Set([...kept, ...others.slice(this.#page * room, (this.#page + 1) * room)]);
    return this.#numbers.filter((number) => chosen.has(number));
  }

  /** Makes the figures as large as lets all numbers fit. @returns how many do, at the smallest */
  #fit() {
    let places = 0;
    for (const size of SIZES) {
      this.element.style.setProperty('--size', size);
      places = this.#capacity();
      if (places >= this.#numbers.length) break;
    }
    return places;
  }

  /** How many numbers fit without scrolling, by the size the style sheet gives one. */
  #capacity() {
    const style = getComputedStyle(this.list);
    const columns = style.gridTemplateColumns.split(' ').length;
    const gap = parseFloat(style.rowGap);
    const row = parseFloat(style.gridAutoRows) + gap;
    return columns * Math.max(1, Math.floor((this.list.clientHeight + gap) / row));
  }
}
