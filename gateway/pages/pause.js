/** The pause of orders, on every screen of the restaurant for as long as it lasts. */

import { call } from './api.js';
import { minutesUntil, now } from './clock.js';
import { dayAndTime } from './format.js';
import { choose } from './words.js';

/** How often a screen asks; the answer is mostly 304, by the browser's own `If-None-Match`. */
const POLL_MS = 10_000;
/** Browsers take a longer time for none. */
const LONGEST_TIMER_MS = 2 ** 31;

const t = choose({
  paused: ['Orders are paused', 'Приём заказов на паузе'],
  pausedUntil: [(time) => `Orders are paused until ${time}`, (time) => `Приём заказов на паузе до ${time}`],
  minutesLeft: [(n) => `${n} min left`, (n) => `ещё ${n} мин`],
});

/**
 * @typedef {Object} Pause
 * @property {string|null} reason for guests, in the words of who paused
 * @property {string|null} until when it ends by itself (RFC 3339)
 */

export class PauseWatch {
  #timer = 0;
  #answers = 0;

  /** @param {(pause: Pause|null) => void} onChange called at each look, with null while there is none */
  constructor(onChange) {
    this.onChange = onChange;
    setInterval(() => this.look(), POLL_MS);
    this.look();
  }

  /** Asks the restaurant. While it does not answer, a pause lasts as long as it said. */
  async look() {
    const asked = ++this.#answers;
    const house = await call('GET', '/house', { cache: 'no-cache' }).catch(() => null);
    // An answer that was asked for before a tap knows nothing of it.
    if (house && asked === this.#answers) this.take(house);
  }

  /** Shows what `/house` or an answer to a change of it says. */
  take({ paused, reason, until }) {
    this.#answers += 1;
    clearTimeout(this.#timer);
    const left = until ? Date.parse(until) - now() : Infinity;
    const isPaused = paused && left > 0;
    if (isPaused && left < LONGEST_TIMER_MS) this.#timer = setTimeout(() => this.onChange(null), left);
    this.onChange(isPaused ? { reason, until } : null);
  }
}

/** @returns {[string, string]} that orders are paused, and for how long still */
export function pauseWords({ until }) {
  if (!until) return [t.paused, ''];
  return [t.pausedUntil(dayAndTime(until)), t.minutesLeft(minutesUntil(until))];
}
