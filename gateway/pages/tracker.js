/** One order as the ticket it is: its number, where it hangs on the rail, and what can be done. */

import { minutesUntil } from './clock.js';
import { fill, h } from './dom.js';
import { clockTime, money } from './format.js';
import { t } from './guest_words.js';
import { isOver } from './orders.js';

const STOPS = ['placed', 'queued', 'preparing', 'ready', 'completed'];

export class Tracker {
  #isAsking = false;
  #problem = '';

  /**
   * @param {Object} actions
   * @param {(order: Object) => void} actions.onChange the guest wants to change it
   * @param {(order: Object) => Promise<string>} actions.onCancel '' or what went wrong
   * @param {(order: Object) => void} actions.onRepeat
   * @param {() => void} actions.onMenu
   */
  constructor(actions) {
    this.actions = actions;
    this.element = h('div.ticket-shadow.hung');
    this.shown = '';
  }

  /**
   * @param {Object} order as the API gives it
   * @param {number|null} cooking how many tickets are cooked now; null when that is not known
   */
  render(order, cooking) {
    // A ticket that looks the same stays: buttons under a finger must not be replaced.
    const promise = promiseOf(order, cooking);
    const look = JSON.stringify([order, promise, this.#isAsking, this.#problem]);
    if (look === this.shown) return;
    this.shown = look;
    this.order = order;
    this.cooking = cooking;
    const before = this.element.querySelector('.stops')?.style.getPropertyValue('--reached');
    fill(
      this.element,
      h(
        `article.ticket.tracker.is-${order.status}`,
        { 'aria-label': t.ticketTitle(order.number) },
        h('p.number-label', order.number ? t.yourNumber : isOver(order) ? t.ticketTitle(null) : t.numberComes),
        (order.number || !isOver(order)) &&
          h('p.number', { data: { number: order.number ?? '' } }, order.number ?? '···'),
        h('h1.status', { tabindex: '-1', data: { key: 'status' } }, t.statuses[order.status]),
        h('p.promise', promise),
        rail(order),
        h('ul.lines', order.items.map((line) => orderLine(line, order))),
        order.note && h('p.note-strip', order.note),
        h('p.total', h('span', t.total), h('b', money(order.total, order))),
        this.#actions(order),
      ),
    );
    if (before) moveAlong(this.element.querySelector('.stops'), before);
  }

  #actions(order) {
    const can = (action) => order.allowed_actions.includes(action);
    if (this.#isAsking && can('cancel')) {
      return h(
        'div.actions',
        { role: 'group', 'aria-label': t.reallyCancel },
        h('p', t.reallyCancel),
        h('button.primary', { data: { key: 'yes' }, onclick: () => this.#cancel(order) }, t.yesCancel),
        h('button', { onclick: () => this.#ask(false) }, t.keepIt),
      );
    }
    return h(
      'div.actions',
      h('p.hint', hint(order)),
      h('p.error', { role: 'alert' }, this.#problem),
      can('edit') && h('button', { onclick: () => this.actions.onChange(order) }, t.changeOrder),
      can('cancel') && h('button', { data: { key: 'yes' }, onclick: () => this.#ask(true) }, t.cancelOrder),
      isOver(order) && h('button.primary', { onclick: () => this.actions.onRepeat(order) }, t.orderAgain),
      h('button.link', { onclick: () => this.actions.onMenu() }, t.orderMore),
    );
  }

  #ask(isAsking) {
    this.#isAsking = isAsking;
    this.#problem = '';
    this.render(this.order, this.cooking);
  }

  async #cancel(order) {
    this.#problem = await this.actions.onCancel(order);
    this.#isAsking = false;
    this.render(this.order, this.cooking);
  }
}

function hint(order) {
  if (order.allowed_actions.length) return t.canStillChange;
  return order.status === 'preparing' ? t.cooking : '';
}

/** When it will be ready, in words. */
export function promiseOf(order, cooking) {
  switch (order.status) {
    case 'placed':
      return t.waitingForKitchen;
    case 'ready':
      return t.showNumber(order.number);
    case 'completed':
      return t.pickedUp;
    case 'cancelled':
      return [
        order.cause === 'guest' ? t.youCancelled : t.staffCancelled,
        order.reason && t.because(order.reason),
      ]
        .filter(Boolean)
        .join(' ');
    case 'rejected':
      return order.reason ? t.because(order.reason) : '';
    default:
      return cookingPromise(order, cooking);
  }
}

function cookingPromise(order, cooking) {
  if (wasRecalled(order)) return t.recalled;
  if (!order.promised_at) return t.waitingForKitchen;
  const minutes = minutesUntil(order.promised_at);
  if (minutes < 0) return t.runningLate(-minutes);
  const parts = [t.about(clockTime(order.promised_at)), minutes ? t.inMinutes(minutes) : t.anyMoment];
  const when = `${parts.join(', ')}.`;
  return order.status === 'queued' && cooking ? `${when} ${t.ahead(cooking)}` : when;
}

function wasRecalled(order) {
  const steps = (order.history ?? []).map((step) => step.status);
  return order.status === 'preparing' && steps.includes('ready');
}

function rail(order) {
  const last = new Map((order.history ?? []).map((step) => [step.status, step]));
  const at = STOPS.indexOf(order.status);
  // A called-off order stays at the last stop it came to.
  const reached = at >= 0 ? at : Math.max(...STOPS.map((stop, i) => (last.has(stop) ? i : 0)));
  return h(
    'ol.stops',
    { style: { '--reached': reached } },
    STOPS.map((stop, index) => {
      const step = index <= reached ? last.get(stop) : null;
      const isCurrent = index === at;
      return h(
        `li${index <= reached ? '.reached' : ''}${isCurrent ? '.current' : ''}`,
        { 'aria-current': isCurrent ? 'step' : null, data: { stop } },
        h('span', t.stops[stop]),
        step && h('time', { datetime: step.at }, clockTime(step.at)),
        step?.cause === 'timer' && h('small', t.byTimer),
      );
    }),
  );
}

/** Lets the rail go on from where it was, although its element is new. */
function moveAlong(stops, before) {
  const reached = stops.style.getPropertyValue('--reached');
  if (reached === before) return;
  stops.style.setProperty('--reached', before);
  // Asking for a style makes the browser start from it.
  void getComputedStyle(stops, '::after').transform;
  stops.style.setProperty('--reached', reached);
}

function orderLine(line, order) {
  return h(
    'li.line',
    h('b.times', `${line.quantity}×`),
    h('span.what', line.name, line.options.length > 0 && h('small', line.options.join(', '))),
    h('span.price', money(line.line_total, order)),
  );
}
