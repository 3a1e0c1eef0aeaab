/** One half of the pickup screen: numbers on the rail, a page of them at a time. */

import { t } from './board_words.js';
import { fill, h, syncChildren } from './dom.js';

const PAGE_MS = 8_000;
const UNDERLINED_MS = 10_000;

export class BoardHalf {
  /** @type {number[]} in the order they are shown */
  #numbers = [];
  /** @type {Map<number, number>} when each new number came */
  #news = new Map();
  #page = 0;
  #pages = 1;

  /**
   * @param {'preparing'|'ready'} status
   * @param {{isNewestFirst: boolean, empty: string[]}} options `empty` is what it says when there
   *   is none
   */
  constructor(status, { isNewestFirst, empty: [words, hint] }) {
    this.isNewestFirst = isNewestFirst;
    this.list = h('ol');
    this.pages = h('p.pages');
    this.empty = h('div.none', h('p', words), hint && h('small', hint));
    this.element = h(
      `section.half.${status}`,
      { 'aria-labelledby': status },
      h('h1', { id: status }, t[status], this.pages),
      this.list,
      this.empty,
    );
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
    const kept = this.#numbers.filter((number) => numbers.includes(number));
    const fresh = numbers.filter((number) => !kept.includes(number));
    this.#numbers = this.isNewestFirst ? [...fresh.reverse(), ...kept] : [...kept, ...fresh];
    this.#show();
  }

  /** A number that is news: it stands out for a while. */
  add(number) {
    const others = this.#numbers.filter((other) => other !== number);
    this.#numbers = this.isNewestFirst ? [number, ...others] : [...others, number];
    this.#news.set(number, performance.now());
    if (this.isNewestFirst) this.#page = 0;
    this.#show();
    setTimeout(() => this.#show(), UNDERLINED_MS + 50);
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
    const oldest = performance.now() - UNDERLINED_MS;
    for (const [number, since] of this.#news) if (since < oldest) this.#news.delete(number);
    const fits = this.#capacity();
    this.#pages = Math.max(1, Math.ceil(this.#numbers.length / fits));
    this.#page = Math.min(this.#page, this.#pages - 1);
    const shown = this.#numbers.slice(this.#page * fits, (this.#page + 1) * fits);
    syncChildren(
      this.list,
      shown.map((number) => ({ number, isNew: this.#news.has(number) })),
      ({ number }) => String(number),
      ({ number, isNew }) => h(`li.figure${isNew ? '.is-new' : ''}`, h('span', number)),
    );
    this.empty.hidden = this.#numbers.length > 0;
    fill(this.pages, this.#pages > 1 && t.page(this.#page + 1, this.#pages));
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
