/** What hangs in the kitchen, and how it is looked at. Data only: nothing here touches the page. */

import { minutesSince, minutesUntil } from './clock.js';
import { t } from './kitchen_words.js';

export const COLUMNS = ['queued', 'preparing', 'ready'];
/** Minutes before the promise at which a ticket is due soon. */
const SOON = 3;
/** Minutes that a ready ticket may wait: at the first it stands out, at the second it is late. */
const WAITING = 5;
const WAITING_LONG = 10;

export class KitchenBoard {
  /** @type {Map<string, Object>} the API's tickets by order id */
  #tickets = new Map();
  /** @type {Map<string, Object[]>} what was on changed tickets before, until acknowledged */
  #before = new Map();
  #isFirst = true;

  /**
   * Takes one event of `/kitchen/stream`.
   *
   * @returns {Object[]} the tickets that came after the board was first filled
   */
  apply(event, data) {
    if (event === 'snapshot') {
      const known = this.#tickets;
      const wasFirst = this.#isFirst;
      this.#isFirst = false;
      this.#tickets = new Map();
      for (const ticket of data.tickets) this.#put(ticket, known.get(ticket.order_id));
      // Another page of ours may know more than the server: what was on changed tickets before.
      for (const [id, items] of data.before ?? []) this.#before.set(id, items);
      this.#forget();
      return wasFirst ? [] : data.tickets.filter((ticket) => !known.has(ticket.order_id));
    }
    const known = this.#tickets.get(data.order_id);
    this.#tickets.delete(data.order_id);
    if (!COLUMNS.includes(data.status) && !data.flag) {
      this.#forget();
      return [];
    }
    this.#put(data, known);
    return known ? [] : [data];
  }

  #put(ticket, known) {
    this.#tickets.set(ticket.order_id, ticket);
    if (ticket.flag !== 'changed') this.#before.delete(ticket.order_id);
    else if (known && known.revision !== ticket.revision) {
      this.#before.set(ticket.order_id, this.#before.get(ticket.order_id) ?? known.items);
    }
  }

  /** What was on tickets before goes with them. */
  #forget() {
    for (const id of this.#before.keys()) if (!this.#tickets.has(id)) this.#before.delete(id);
  }

  get(id) {
    return this.#tickets.get(id);
  }

  /** The data of a snapshot event, for another tab or for this one when it was reloaded. */
  snapshot() {
    return { tickets: [...this.#tickets.values()], before: [...this.#before] };
  }

  /**
   * The tickets of a column in the order in which the kitchen's job starts them: first promised
   * first, then by id. What was voided while cooking hangs there still.
   */
  column(status, station) {
    return [...this.#tickets.values()]
      .filter((ticket) => columnOf(ticket) === status && isFor(station, ticket))
      .sort((a, b) => promiseOf(a) - promiseOf(b) || (a.order_id < b.order_id ? -1 : 1));
  }

  get stations() {
    const names = [...this.#tickets.values()].flatMap((ticket) =>
      ticket.items.map((line) => line.station),
    );
    return [...new Set(names)].sort();
  }

  /** How many of each dish are still to be cooked, most first: [name, count]. */
  allDay(station) {
    const counts = new Map();
    for (const ticket of this.#tickets.values()) {
      if (ticket.status !== 'queued' && ticket.status !== 'preparing') continue;
      for (const line of ticket.items) {
        if (station && line.station !== station) continue;
        counts.set(line.name, (counts.get(line.name) ?? 0) + line.quantity);
      }
    }
    return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  }

  /** A ticket's lines, with what a change struck (`gone`) and added (`added`). */
  lines(ticket) {
    const before = this.#before.get(ticket.order_id);
    if (!before) return ticket.items;
    const isSame = samePortions(before, ticket.items);
    const stood = counter(before);
    const stands = counter(ticket.items);
    const added = (line) => !stood(line) && !isSame(line);
    const gone = before.filter((line) => !stands(line) && !isSame(line));
    return [
      ...gone.map((line) => ({ ...line, mark: 'gone' })),
      ...ticket.items.map((line) => (added(line) ? { ...line, mark: 'added' } : line)),
    ];
  }
}

/** Takes a line like the one given from `lines`, as often as there is one; false when there is none. */
function counter(lines) {
  const counts = new Map();
  const nameOf = (line) => `${line.quantity} ${dishOf(line)}`;
  for (const line of lines) counts.set(nameOf(line), (counts.get(nameOf(line)) ?? 0) + 1);
  return (line) => {
    const count = counts.get(nameOf(line)) ?? 0;
    counts.set(nameOf(line), count - 1);
    return count > 0;
  };
}

/** Tells of a line whether there are as many portions of its dish in both, on however many lines. */
function samePortions(before, after) {
  const difference = new Map();
  const add = (sign) => (line) =>
    difference.set(dishOf(line), (difference.get(dishOf(line)) ?? 0) + sign * line.quantity);
  before.forEach(add(-1));
  after.forEach(add(1));
  return (line) => difference.get(dishOf(line)) === 0;
}

function dishOf({ sku, options }) {
  return JSON.stringify([sku, [...options].sort()]);
}

/** Whether a station has anything to do with a ticket; '' is all of them. */
export function isFor(station, ticket) {
  return !station || ticket.items.some((line) => line.station === station);
}

function promiseOf({ promised_at: time }) {
  return time ? Date.parse(time) : 0;
}

function columnOf(ticket) {
  return COLUMNS.includes(ticket.status) ? ticket.status : 'preparing';
}

/**
 * How late a ticket is: in words, and as a band beside them.
 *
 * @returns {{words: string, band: 'calm'|'soon'|'late'}}
 */
export function lateness(ticket) {
  if (ticket.status === 'ready') {
    const minutes = minutesSince(ticket.ready_at);
    const band = minutes >= WAITING_LONG ? 'late' : minutes >= WAITING ? 'soon' : 'calm';
    return { words: minutes ? t.waiting(minutes) : t.justNow, band };
  }
  if (!COLUMNS.includes(ticket.status) || !ticket.promised_at) return { words: '', band: 'calm' };
  const minutes = minutesUntil(ticket.promised_at);
  if (minutes < 0) return { words: t.lateBy(-minutes), band: 'late' };
  return { words: minutes ? t.dueIn(minutes) : t.dueNow, band: minutes <= SOON ? 'soon' : 'calm' };
}
