/** What the cooks' board says. */

import { choose, t as shared } from './words.js';

const WORDS = {
  cancel: ['Cancel', 'Отмена'],
  sound: ['Sound', 'Звук'],
  kitchenTitle: ['Kitchen', 'Кухня'],
  columns: [
    { queued: 'Queued', preparing: 'Cooking', ready: 'Ready' },
    { queued: 'В очереди', preparing: 'Готовим', ready: 'Готово' },
  ],
  columnEmpty: [
    { queued: 'Nothing waits.', preparing: 'Nothing on the stove.', ready: 'Nothing to hand over.' },
    { queued: 'Никто не ждёт.', preparing: 'На плите пусто.', ready: 'Выдавать нечего.' },
  ],
  taps: [
    { queued: 'Start', preparing: 'Ready', ready: 'Hand over' },
    { queued: 'Начать', preparing: 'Готово', ready: 'Выдать' },
  ],
  sending: ['Sending…', 'Отправляем…'],
  lateBy: [(n) => `${n} min late`, (n) => `+${n} мин`],
  dueIn: [(n) => `due in ${n} min`, (n) => `через ${n} мин`],
  dueNow: ['due now', 'пора'],
  waiting: [(n) => `${n} min waiting`, (n) => `ждёт ${n} мин`],
  justNow: ['just now', 'только что'],
  allStations: ['All stations', 'Все станции'],
  stations: ['Stations', 'Станции'],
  elsewhere: [(n) => `+ ${n} at other stations`, (n) => `+ ${n} на других станциях`],
  allDay: ['All day', 'Всего'],
  allDayEmpty: ['Nothing to cook', 'Готовить нечего'],
  findNumber: ['Find number', 'Найти номер'],
  notFound: [(n) => `No ticket ${n} here`, (n) => `Билета ${n} нет`],
  recall: ['Recall', 'Вернуть'],
  recallTitle: [(n) => `Why does ${n} come back?`, (n) => `Почему ${n} возвращается?`],
  recallReasons: [
    ['Something is missing', 'Wrong dish', 'Not done enough'],
    ['Чего-то не хватает', 'Не то блюдо', 'Недоготовлено'],
  ],
  voidTicket: ['Void', 'Снять'],
  voidTitle: [(n) => `Why is ${n} called off?`, (n) => `Почему снимаем ${n}?`],
  voidReasons: [
    ['The guest left', 'We can’t make it', 'Placed by mistake'],
    ['Гость ушёл', 'Не сможем приготовить', 'Заказан по ошибке'],
  ],
  undo: [(n) => `Undo · ${n}`, (n) => `Вернуть · ${n}`],
  handedOver: ['Handed over', 'Выдан'],
  voided: ['Voided', 'Снят'],
  held: ['recalled', 'возвращён'],
  changedFlag: ['Changed by the guest', 'Гость изменил заказ'],
  voidedFlag: ['Called off: stop cooking', 'Отменён: не готовить'],
  gotIt: ['Got it', 'Понятно'],
  movedMeanwhile: [
    (n) => `${n} had moved already.`,
    (n) => `${n} уже сдвинули.`,
  ],
  soldOutSwitch: ['Sold out', 'Стоп-лист'],
  soldOutTitle: ['What can guests order?', 'Что можно заказать?'],
  available: ['available', 'есть'],
  newOrders: ['New orders', 'Новые заказы'],
  taken: ['taken', 'берём'],
  pausedShort: ['paused', 'пауза'],
  light: ['Light', 'Светло'],
  keys: [
    'Arrows move · Enter acts · R recalls · V voids · U undoes · digits find',
    'Стрелки — выбор · Enter — действие · R — вернуть · V — снять · U — отмена · цифры — поиск',
  ],
  newTicket: [(n) => `New ticket ${n}`, (n) => `Новый билет ${n}`],
  staffOnly: [
    'This board is for cooks. Sign in with a kitchen account.',
    'Это доска поваров. Войдите под учётной записью кухни.',
  ],
  notStaff: [
    (login) => `${login} is no kitchen account. Sign in with one that is.`,
    (login) => `${login} — не учётная запись кухни. Войдите под другой.`,
  ],
  staleBoard: [
    (time) => `No news since ${time}. What hangs here may have moved.`,
    (time) => `Новостей нет с ${time}. Билеты могли сдвинуться.`,
  ],

  kitchenBoard: ['Kitchen', 'Кухня'],
};

export const t = { ...shared, ...choose(WORDS) };
