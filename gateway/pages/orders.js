/** The guest's orders, kept up to date by the event stream. */

import { call } from './api.js';
import { t } from './guest_words.js';

const OVER = ['completed', 'cancelled', 'rejected'];

/** Whether the order's status is a timer's word alone, which nobody confirmed. */
export function isGuess({ status, cause }) {
  return cause === 'timer' && status in t.guesses;
}

/** The order's status in words: a guess is never told as a person's word. */
export function statusWords(order) {
  return isGuess(order) ? t.guesses[order.status] : t.statuses[order.status];
}

/** Whether nothing will happen to the order any more. */
export function isOver(order) {
  return OVER.includes(order.status);
}

export class Orders {
  /** @type {Map<string, Object>} the API's orders by id; `isWhole` with all history */
  #orders = new Map();
  /** @type {Map<string, Promise<void>>} by id */
  #loading = new Map();
  /** Where the list of orders goes on: '' before any of it was read, null when that was all. */
  #cursor = '';

  /** @param {(order: Object|null) => void} onChange called with what changed, null for many */
  constructor(onChange) {
    this.onChange = onChange;
  }

  get(id) {
    return this.#orders.get(id);
  }

  /** All that are known, newest first. */
  get all() {
    // Ids sort by time.
    return [...this.#orders.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
  }

  get active() {
    return this.all.filter((order) => !isOver(order));
  }

  /** An order as the API gave it, unless a later version is known. */
  put(order) {
    if (this.#keep(order)) this.onChange(order);
  }

  #keep(order) {
    const known = this.#orders.get(order.id);
    if (known && known.version > order.version) return false;
    // Lists tell no history: what is known of it stays until the order itself is read.
    const isSame = known?.version === order.version;
    const isWhole = order.isWhole ?? (Boolean(order.history) || Boolean(isSame && known.isWhole));
    this.#orders.set(order.id, { ...order, history: order.history ?? known?.history, isWhole });
    return true;
  }

  /** Takes one event of `/order/stream`. */
  apply(event, data) {
    if (event === 'snapshot') {
      for (const order of data.orders) this.#keep(order);
      this.onChange(null);
      // It tells what finished in the last hour: a page that slept longer asks for the rest.
      const told = new Set(data.orders.map((order) => order.id));
      for (const { id } of this.active) if (!told.has(id)) this.load(id).catch(() => {});
    } else if (event === 'status') {
      this.#move(data);
    }
  }

  #move(event) {
    const known = this.#orders.get(event.order_id);
    if (known && event.version <= known.version) return;
    const { order_id: id, previous, at, ...now } = event;
    const isNext = known?.isWhole && event.version === known.version + 1;
    const isMove = event.status !== previous;
    // Events carry no content, and no reason.
    const isTold = isNext && isMove && event.status !== 'cancelled' && event.status !== 'rejected';
    if (known) {
      const step = { status: event.status, cause: event.cause, at, reason: null };
      const history = isNext && isMove ? [...known.history, step] : known.history;
      this.#orders.set(id, { ...known, ...now, updated_at: at, history, isWhole: Boolean(isTold) });
      this.onChange(this.#orders.get(id));
    }
    if (!isTold) this.load(id).catch(() => {});
  }

  /** Reads one order with its history. @throws {import('./api.js').Problem} */
  async load(id) {
    this.put(await call('GET', `/order/${encodeURIComponent(id)}`));
  }

  /** Reads what is to be shown, once however often it is asked for. @throws as `load` */
  loadToShow(id) {
    // Not for what an event tells of: an answer that is under way may be older than that.
    if (!this.#loading.has(id)) {
      this.#loading.set(id, this.load(id).finally(() => this.#loading.delete(id)));
    }
    return this.#loading.get(id);
  }

  /** Whether the last orders were read at all, and whether there are earlier ones. */
  get isKnown() {
    return this.#cursor !== '';
  }

  get hasMore() {
    return Boolean(this.#cursor);
  }

  /** Reads the last orders, then the ones before them. @throws {import('./api.js').Problem} */
  async loadMore() {
    const cursor = this.#cursor && `&cursor=${encodeURIComponent(this.#cursor)}`;
    const { orders, next_cursor: next } = await call('GET', `/order?limit=20${cursor}`);
    this.#cursor = next;
    for (const order of orders) this.#keep(order);
    this.onChange(null);
  }

  /** The data of a snapshot event, for another tab. */
  snapshot() {
    return { orders: this.all };
  }
}
