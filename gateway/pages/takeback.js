/** Taps that can be taken back: they are sent a little later. */

const SECONDS = 5;

export class TakeBack {
  /** @type {Map<string, {words: string, until: number, send: (options: Object) => Promise<void>}>} */
  #waiting = new Map();

  /** @param {() => void} onChange called each second while something waits */
  constructor(onChange) {
    this.onChange = onChange;
    // A page that is left does what it said it would.
    addEventListener('pagehide', () => this.sendAll({ keepalive: true }));
  }

  get isEmpty() {
    return this.#waiting.size === 0;
  }

  /** Sends at once what waits; who leaves takes nothing back any more. */
  async sendAll(options = {}) {
    await Promise.all([...this.#waiting.keys()].map((id) => this.#send(id, options)));
  }

  /** Sends in five seconds, unless it is taken back. */
  put(id, words, send) {
    this.#waiting.set(id, { words, send, until: performance.now() + SECONDS * 1000 });
    this.#tick();
  }

  /** Whether there was something to take back. */
  undo(id) {
    const was = this.#waiting.delete(id);
    this.onChange();
    return was;
  }

  /** The last one that waits. */
  get last() {
    return [...this.#waiting.keys()].at(-1);
  }

  /** What happens to `id` soon, and in how many seconds; null when nothing does. */
  get(id) {
    const waiting = this.#waiting.get(id);
    if (!waiting) return null;
    const seconds = Math.max(1, Math.ceil((waiting.until - performance.now()) / 1000));
    return { words: waiting.words, seconds };
  }

  #tick() {
    clearTimeout(this.timer);
    const time = performance.now();
    for (const [id, { until }] of [...this.#waiting]) if (until <= time) this.#send(id, {});
    this.onChange();
    const next = Math.min(...[...this.#waiting.values()].map(({ until }) => (until - time) % 1000 || 1000));
    if (this.#waiting.size) this.timer = setTimeout(() => this.#tick(), next + 5);
  }

  #send(id, options) {
    const { send } = this.#waiting.get(id);
    this.#waiting.delete(id);
    return send(options);
  }
}
