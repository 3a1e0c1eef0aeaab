/** One order as the ticket it is: its number, where it hangs on the rail, and what can be done. */

import { minutesUntil, now } from './clock.js';
import { fill, focusHead, h, sayWhileWaiting } from './dom.js';
import { clockTime, money } from './format.js';
import { t } from './guest_words.js';
import { isGuess, isOver, statusWords } from './orders.js';

const STOPS = ['placed', 'queued', 'preparing', 'ready', 'completed'];
/** So long the kitchen's answer to a new order is waited for. */
const SILENCE_MS = 20_000;
/** So long a tap on what was there before is not taken for a yes. */
const TAKE_CARE_MS = 500;

/**
 * @typedef {Object} Around what is known beside the order
 * @property {number|null} ahead how many orders come before this one; null when that is not known
 * @property {string[]} away the services that the gateway does not hear now
 */

export class Tracker {
  #isAsking = false;
  /** Whether a tap on "yes" counts by now. */
  #isArmed = false;
  #arming = 0;
  /** What the button says while the order is being cancelled, '' when it is not. */
  #cancelling = '';
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
   * @param {Around} around
   */
  render(order, around) {
    this.order = order;
    this.around = around;
    // A ticket that looks the same stays: buttons under a finger must not be replaced.
    const promise = promiseOf(order, around);
    const state = [this.#isAsking, this.#isArmed, this.#cancelling, this.#problem];
    const look = JSON.stringify([order, promise, state]);
    if (look === this.shown) return;
    this.shown = look;
    const before = this.element.querySelector('.stops')?.style.getPropertyValue('--reached');
    fill(
      this.element,
      h(
        `article.ticket.tracker.is-${order.status}${isGuess(order) ? '.is-guess' : ''}`,
        { 'aria-label': t.ticketTitle(order.number) },
        h('p.number-label', order.number ? t.yourNumber : isOver(order) ? t.ticketTitle(null) : t.numberComes),
        (order.number || !isOver(order)) &&
          h('p.number', { data: { number: order.number ?? '' } }, order.number ?? '···'),
        h('h1.status', { tabindex: '-1', data: { key: 'status' } }, statusWords(order)),
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
        {
          role: 'group',
          'aria-label': t.reallyCancel,
          onkeydown: ({ key }) => key === 'Escape' && this.#ask(false),
        },
        h('p', t.reallyCancel),
        h(
          'button.primary',
          {
            data: { key: 'yes' },
            disabled: !this.#isArmed || this.#cancelling !== '',
            onclick: () => this.#cancel(order),
          },
          this.#cancelling || t.yesCancel,
        ),
        h(
          'button',
          { data: { key: 'keep' }, disabled: this.#cancelling !== '', onclick: () => this.#ask(false) },
          t.keepIt,
        ),
      );
    }
    return h(
      'div.actions',
      h('p.hint', hint(order)),
      h('p.error', { role: 'alert' }, this.#problem),
      can('edit') &&
        h('button', { data: { key: 'edit' }, onclick: () => this.actions.onChange(order) }, t.changeOrder),
      can('cancel') &&
        h('button', { data: { key: 'cancel' }, onclick: () => this.#ask(true) }, t.cancelOrder),
      isOver(order) &&
        h('button.primary', { data: { key: 'again' }, onclick: () => this.actions.onRepeat(order) }, t.orderAgain),
      h('button.link', { data: { key: 'more' }, onclick: () => this.actions.onMenu() }, t.orderMore),
    );
  }

  #ask(isAsking) {
    this.#isAsking = isAsking;
    this.#isArmed = false;
    this.#problem = '';
    this.#renderAgain();
    // A key or a finger that comes twice keeps the order.
    this.#focus(isAsking ? 'keep' : 'cancel');
    clearTimeout(this.#arming);
    if (!isAsking) return;
    this.#arming = setTimeout(() => {
      this.#isArmed = true;
      this.#renderAgain();
    }, TAKE_CARE_MS);
  }

  async #cancel(order) {
    const say = (words) => {
      this.#cancelling = words;
      this.#renderAgain();
    };
    const stop = sayWhileWaiting(say, t.cancelling, t.stillTrying);
    this.#problem = await this.actions.onCancel(order);
    stop();
    this.#isAsking = false;
    say('');
    focusHead(this.element);
  }

  #renderAgain() {
    this.render(this.order, this.around);
  }

  #focus(key) {
    const button = this.element.querySelector(`[data-key="${key}"]`);
    if (button) button.focus();
    else focusHead(this.element);
  }
}

function hint(order) {
  if (order.allowed_actions.length) return t.canStillChange;
  return order.status === 'preparing' ? t.cooking : '';
}

/** When it will be ready, in words. */
export function promiseOf(order, { ahead, away }) {
  switch (order.status) {
    case 'placed': {
      const isSilent = away.includes('kitchen') || now() - Date.parse(order.placed_at) > SILENCE_MS;
      return isSilent ? t.kitchenSilent : t.waitingForKitchen;
    }
    case 'ready':
      return isGuess(order) ? t.lookAtScreen(order.number) : t.showNumber(order.number);
    case 'completed':
      return isGuess(order) ? t.notPickedUp : t.pickedUp;
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
      if (away.includes('kitchen')) return t.kitchenAway;
      return away.includes('order') ? t.orderAway : cookingPromise(order, ahead);
  }
}

function cookingPromise(order, ahead) {
  if (wasRecalled(order)) return t.recalled;
  if (!order.promised_at) return t.waitingForKitchen;
  const minutes = minutesUntil(order.promised_at);
  if (minutes < 0) return t.runningLate(-minutes);
  const parts = [t.about(clockTime(order.promised_at)), minutes ? t.inMinutes(minutes) : t.anyMoment];
  const when = `${parts.join(', ')}.`;
  if (order.status !== 'queued' || ahead === null) return when;
  return `${when} ${ahead ? t.ahead(ahead) : t.youAreNext}`;
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
      const isTimers = step?.cause === 'timer';
      return h(
        `li${index <= reached ? '.reached' : ''}${isCurrent ? '.current' : ''}${isTimers ? '.guessed' : ''}`,
        { 'aria-current': isCurrent ? 'step' : null, data: { stop } },
        h('span', t.stops[stop]),
        step && h('time', { datetime: step.at }, clockTime(step.at)),
        isTimers && h('small', t.byTimer),
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
