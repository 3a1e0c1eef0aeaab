/** The guest's orders, kept up to date by the event stream. */

import { call } from './api.js';

const OVER = ['completed', 'cancelled', 'rejected'];

/** Whether nothing will happen to the order any more. */
export function isOver(order) {
  return OVER.includes(order.status);
}

export class Orders {
  /** @type {Map<string, Object>} the API's orders by id; some without `history` yet */
  #orders = new Map();

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
    const known = this.#orders.get(order.id);
    if (known && known.version > order.version) return;
    const history = known?.version === order.version ? known.history : undefined;
    this.#orders.set(order.id, { history, ...order });
    this.onChange(order);
  }

  /** Takes one event of `/order/stream`. */
  apply(event, data) {
    if (event === 'snapshot') {
      for (const order of data.orders) this.put(order);
      this.onChange(null);
    } else if (event === 'status') {
      this.#move(data);
    }
  }

  #move(event) {
    const known = this.#orders.get(event.order_id);
    if (known && event.version <= known.version) return;
    const { order_id: id, previous, at, ...now } = event;
    const isNext = known?.history && event.version === known.version + 1;
    const isMove = event.status !== previous;
    if (known) {
      const step = { status: event.status, cause: event.cause, at, reason: null };
      const history = isNext && isMove ? [...known.history, step] : undefined;
      this.#orders.set(id, { ...known, ...now, updated_at: at, history });
      this.onChange(this.#orders.get(id));
    }
    // Events carry no content, and no reason.
    const isTold = isNext && isMove && event.status !== 'cancelled' && event.status !== 'rejected';
    if (!isTold) this.load(id).catch(() => {});
  }

  /** Reads one order with its history. @throws {import('./api.js').Problem} */
  async load(id) {
    this.put(await call('GET', `/order/${encodeURIComponent(id)}`));
  }

  /** Reads the last orders. @throws {import('./api.js').Problem} */
  async loadRecent() {
    const { orders } = await call('GET', '/order?limit=20');
    for (const order of orders) this.put(order);
  }

  /** The data of a snapshot event, for another tab. */
  snapshot() {
    return { orders: this.all };
  }
}
