/** The bill: what the guest has written down and not sent yet. */

import { newKey } from './api.js';
import { fill, h } from './dom.js';
import { money } from './format.js';
import { priceOf, stepper } from './menu.js';
import { t } from './words.js';

const KEPT_AS = 'brigade-bill';
const MOST_NOTE_CHARACTERS = 500;

/** @typedef {{sku: string, quantity: number, options: string[]}} Line */

export class Bill {
  /** @type {Line[]} */
  lines = [];
  note = '';
  /** @type {{id: string, number: number|null, version: number}|null} the order that is changed */
  changes = null;
  /** The Idempotency-Key: the same until the content changes, so that sending twice orders once. */
  key = newKey();

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    try {
      const { lines, note, changes, key } = JSON.parse(sessionStorage.getItem(KEPT_AS));
      Object.assign(this, { lines, note, changes, key });
    } catch {
      // Nothing is kept, or nothing that can be read.
    }
  }

  /** @param {Line} line */
  add({ sku, quantity, options }) {
    const same = this.lines.find(
      (line) => line.sku === sku && line.options.join() === options.join(),
    );
    if (same) same.quantity = Math.min(99, same.quantity + quantity);
    else this.lines.push({ sku, quantity, options });
    this.#changed();
  }

  setQuantity(index, quantity) {
    if (quantity > 0) this.lines[index].quantity = quantity;
    else this.lines.splice(index, 1);
    this.#changed();
  }

  setNote(note) {
    this.note = note;
    this.key = newKey();
    this.#keep();
  }

  /** Starts from an order's content: to change that order, or to order the same again. */
  copy(order, { toChange }) {
    this.lines = order.items.map(({ sku, quantity, options }) => ({ sku, quantity, options }));
    this.note = order.note;
    this.changes = toChange
      ? { id: order.id, number: order.number, version: order.version }
      : null;
    this.#changed();
  }

  clear() {
    this.lines = [];
    this.note = '';
    this.changes = null;
    this.#changed();
  }

  /** How many of each dish: sku → count. */
  get counts() {
    const counts = new Map();
    for (const { sku, quantity } of this.lines) counts.set(sku, (counts.get(sku) ?? 0) + quantity);
    return counts;
  }

  get count() {
    return this.lines.reduce((sum, line) => sum + line.quantity, 0);
  }

  /** The body of `POST /order` and `PUT /order/{id}`. */
  get body() {
    return { items: this.lines, note: this.note.trim() };
  }

  #changed() {
    this.key = newKey();
    this.#keep();
    this.onChange();
  }

  #keep() {
    const { lines, note, changes, key } = this;
    sessionStorage.setItem(KEPT_AS, JSON.stringify({ lines, note, changes, key }));
  }
}

/** The bill as a ticket: a column beside the menu, a bar that opens on a phone. */
export class BillView {
  #isSending = false;
  #problem = '';
  #whyNot = '';

  /**
   * @param {Bill} bill
   * @param {import('./menu.js').Menu} menu
   * @param {{onSend: () => Promise<void>, onDrop: () => void}} actions
   */
  constructor(bill, menu, { onSend, onDrop }) {
    this.bill = bill;
    this.menu = menu;
    this.onSend = onSend;
    this.onDrop = onDrop;
    this.element = h('aside.bill', { 'aria-label': t.bill });
    this.render();
  }

  /** The menu changed: prices, or what is sold out. */
  setMenu(menu) {
    this.menu = menu;
    this.render();
  }

  /** Shows what went wrong with sending, '' for nothing. */
  complain(problem) {
    this.#problem = problem;
    if (problem) this.#open(true);
    this.render();
  }

  /** Says why nothing new can be ordered now, '' when it can. */
  setWhyNot(words) {
    if (words === this.#whyNot) return;
    this.#whyNot = words;
    this.render();
  }

  render() {
    const { bill, menu } = this;
    const { currency } = menu.menu;
    // What was ordered before can be changed all the same.
    const whyNot = bill.changes ? '' : this.#whyNot;
    const total = bill.lines.reduce((sum, line) => sum + this.#lineTotal(line), 0);
    fill(
      this.element,
      h(
        'button.bill-bar',
        {
          type: 'button',
          data: { key: 'bar' },
          'aria-expanded': String(this.element.classList.contains('open')),
          onclick: () => this.#open(!this.element.classList.contains('open')),
        },
        h('span', {}, bill.count ? t.dishes(bill.count) : t.bill),
        h('b', {}, money(total, currency)),
        h('span.sign.unfolds', { 'aria-hidden': 'true' }),
      ),
      h(
        'div.ticket-shadow',
        {},
        h(
          'div.ticket',
          {},
          h('h2', {}, bill.changes ? t.changing(bill.changes.number) : t.bill),
          bill.count === 0 && h('p.empty', {}, t.emptyBill),
          h('ul.lines', {}, bill.lines.map((line, index) => this.#line(line, index))),
          bill.count > 0 && this.#note(),
          bill.count > 0 && h('p.total', {}, h('span', {}, t.total), h('b', {}, money(total, currency))),
          h('p.error', { role: 'alert' }, this.#problem),
          bill.count > 0 && h('p.hint', {}, whyNot),
          h(
            'button.primary.wide',
            {
              type: 'button',
              data: { key: 'send' },
              disabled: bill.count === 0 || this.#isSending || whyNot !== '',
              onclick: () => this.#send(),
            },
            this.#isSending
              ? t.ordering
              : (bill.changes ? t.saveOrder : t.order) + (total ? ` · ${money(total, currency)}` : ''),
          ),
          bill.changes &&
            h('button.link', { type: 'button', onclick: () => this.onDrop() }, t.dropChanges),
        ),
      ),
    );
  }

  /** On a phone: back to a bar. */
  shut() {
    this.#open(false);
  }

  #open(isOpen) {
    this.element.classList.toggle('open', isOpen);
    this.element.querySelector('.bill-bar')?.setAttribute('aria-expanded', String(isOpen));
  }

  #lineTotal({ sku, quantity, options }) {
    const dish = this.menu.dishes.get(sku);
    return dish ? priceOf(dish, options) * quantity : 0;
  }

  #line(line, index) {
    const dish = this.menu.dishes.get(line.sku);
    const name = dish?.name ?? line.sku;
    return h(
      `li.line${dish?.available ? '' : '.gone'}`,
      {},
      h(
        'span.what',
        {},
        name,
        !dish?.available && h('em.sold-out', {}, t.soldOut),
        line.options.length > 0 && h('small', {}, line.options.join(', ')),
      ),
      h('span.price', {}, money(this.#lineTotal(line), this.menu.menu.currency)),
      stepper({
        name,
        value: line.quantity,
        key: `line-${line.sku}-${line.options}`,
        onChange: (value) => this.bill.setQuantity(index, value),
      }),
    );
  }

  #note() {
    return h(
      'label.note',
      {},
      t.note,
      h('textarea', {
        rows: '2',
        maxlength: String(MOST_NOTE_CHARACTERS),
        placeholder: t.noteHint,
        data: { key: 'note' },
        value: this.bill.note,
        oninput: (event) => this.bill.setNote(event.target.value),
      }),
    );
  }

  async #send() {
    this.#isSending = true;
    this.#problem = '';
    this.render();
    try {
      await this.onSend();
    } finally {
      this.#isSending = false;
      this.render();
    }
  }
}
