/**
 * Screens on a wall run for weeks: they change to a newer release of the pages by themselves, when
 * nobody is at work on them, and what they showed is there again at the first paint.
 */

import { learnTime } from './clock.js';

const CHECK_MS = 5 * 60_000;
const BUSY_MS = 1_000;
const DEADLINE_MS = 10_000;
/** What a page left behind for the next one is good for so long. */
const HANDED_OVER_MS = 30_000;
const HANDED_OVER_AS = 'brigade-handed-over';

/** The release that runs here: its files' addresses say it. */
const RELEASE = new URL(import.meta.url).pathname.split('/').at(-2);

export class Release {
  #isOutdated = false;

  /**
   * @param {Object} options
   * @param {() => boolean} options.isBusy whether a reload would now be in somebody's way
   * @param {() => Object|null} options.state what `handedOver` gives the page after the reload
   */
  constructor({ isBusy, state }) {
    this.isBusy = isBusy;
    this.state = state;
    setInterval(() => this.check(), CHECK_MS);
    // The first answer tells the time only: while gateways are replaced one by one, a page that
    // changed back at once would never come to rest.
    this.#ask();
  }

  /** Asks which release the gateway serves now: at times, and whenever it was away. */
  async check() {
    const served = await this.#ask();
    if (!served || served.includes(RELEASE) || this.#isOutdated) return;
    this.#isOutdated = true;
    this.#change();
  }

  /** The release's name with some marks around it, null when that can't be told. */
  async #ask() {
    try {
      const answer = await fetch(location.pathname, {
        method: 'HEAD',
        headers: { Accept: 'text/html' },
        cache: 'no-store',
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
      learnTime(answer);
      return answer.ok ? answer.headers.get('etag') : null;
    } catch {
      return null;
    }
  }

  #change() {
    if (this.isBusy()) {
      setTimeout(() => this.#change(), BUSY_MS);
      return;
    }
    const state = { at: Date.now(), state: this.state() };
    sessionStorage.setItem(HANDED_OVER_AS, JSON.stringify(state));
    location.reload();
  }
}

/** What this page showed a moment ago, before it was reloaded; null when it was not. */
export function handedOver() {
  const kept = JSON.parse(sessionStorage.getItem(HANDED_OVER_AS) ?? 'null');
  sessionStorage.removeItem(HANDED_OVER_AS);
  return kept && Date.now() - kept.at < HANDED_OVER_MS ? kept.state : null;
}
