/** The page at an address where there is none: it says so, and leads to those that there are. */

import { fill, h } from './dom.js';
import { choose } from './words.js';

const t = choose({
  title: ['There is no page here', 'Здесь нет страницы'],
  hint: [
    'The link may be mistyped or old. Go on from here:',
    'Возможно, в ссылке опечатка или она устарела. Отсюда можно перейти:',
  ],
  menu: ['Menu', 'Меню'],
  orders: ['Your orders', 'Ваши заказы'],
  board: ['Pickup screen', 'Экран выдачи'],
});

document.title = `${t.title} · Brigade`;
fill(
  document.querySelector('#view'),
  h(
    'div.trouble',
    h('h1', t.title),
    h('p', t.hint),
    h('nav', { 'aria-label': 'Brigade' }, [
      h('a', { href: '/' }, t.menu),
      h('a', { href: '/#/orders' }, t.orders),
      h('a', { href: '/board' }, t.board),
    ]),
  ),
);
