/** What the cooks' board says. */

import { choose, t as shared } from './words.js';

const WORDS = {
  cancel: ['Back', 'Назад'],
  sound: ['Sound', 'Звук'],
  kitchenTitle: ['Kitchen', 'Кухня'],
  columns: [
    { queued: 'Queued', preparing: 'Cooking', ready: 'Ready' },
    { queued: 'В очереди', preparing: 'Готовим', ready: 'Готово' },
  ],
  columnEmpty: [
    { queued: 'No tickets waiting.', preparing: 'Nothing cooking.', ready: 'Nothing to hand over.' },
    { queued: 'Очередь пуста.', preparing: 'Ничего не готовится.', ready: 'Выдавать нечего.' },
  ],
  taps: [
    { queued: 'Start', preparing: 'Ready', ready: 'Hand over' },
    { queued: 'Начать', preparing: 'Готово', ready: 'Выдать' },
  ],
  sending: ['Sending…', 'Отправляем…'],
  lateBy: [(n) => `${n} min late`, (n) => `опоздание ${n} мин`],
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
  notFound: [(n) => `No ticket ${n} here`, (n) => `Заказа № ${n} нет`],
  recall: ['Recall', 'На доработку'],
  recallTitle: [(n) => `Why recall ${n}?`, (n) => `Почему ${n} на доработку?`],
  recallReasons: [
    ['Something is missing', 'Wrong dish', 'Undercooked'],
    ['Чего-то не хватает', 'Не то блюдо', 'Недоготовлено'],
  ],
  voidTicket: ['Void', 'Отменить заказ'],
  voidTitle: [(n) => `Why void ${n}?`, (n) => `Почему отменяем ${n}?`],
  voidReasons: [
    ['The guest left', 'We can’t make it', 'Placed by mistake'],
    ['Гость ушёл', 'Не сможем приготовить', 'Заказан по ошибке'],
  ],
  undo: [(n) => `Undo · ${n}`, (n) => `Отменить · ${n}`],
  handedOver: ['Handed over', 'Выдан'],
  voided: ['Voided', 'Отменён'],
  held: ['recalled', 'на доработке'],
  next: ['next', 'следующий'],
  byTimer: ['by timer', 'по таймеру'],
  changedFlag: ['Changed by the guest', 'Гость изменил заказ'],
  voidedFlag: ['Voided: stop cooking', 'Отменён: не готовить'],
  gotIt: ['Got it', 'Понятно'],
  movedMeanwhile: [
    (n) => `${n} has already moved.`,
    (n) => `Заказ ${n} уже изменён.`,
  ],
  justMoved: [
    (n) => `${n} has just moved here. Tap again if you mean it.`,
    (n) => `Заказ ${n} только что оказался здесь. Если нужен он, нажмите ещё раз.`,
  ],
  soldOutSwitch: ['Sold out', 'Стоп-лист'],
  soldOutTitle: ['What can guests order?', 'Что можно заказать?'],
  available: ['available', 'в наличии'],
  pauseOrders: ['Pause orders', 'Приостановить приём'],
  resumeOrders: ['Take orders again', 'Принимать заказы'],
  resumed: ['Orders are taken again', 'Заказы снова принимаются'],
  changePause: ['Change', 'Изменить'],
  pauseEnd: ['Until when?', 'До какого времени?'],
  minutes: [(n) => `${n} min from now`, (n) => `ещё ${n} мин`],
  openEnd: ['Until we resume', 'Пока не возобновим'],
  pauseReason: ['What guests read as the reason', 'Причина, которую увидят гости'],
  noReason: ['No reason', 'Без причины'],
  pauseReasons: [
    ['Too many orders', 'Short of staff', 'Something broke'],
    ['Слишком много заказов', 'Не хватает людей', 'Поломка на кухне'],
  ],
  light: ['Light', 'Светлая тема'],
  keys: [
    'Arrows move · Enter acts · R recalls · V voids · U undoes · digits find',
    'Стрелки — выбор · Enter — действие · R — на доработку · V — отменить заказ · U — отменить действие · цифры — поиск',
  ],
  newTicket: [(n) => `New ticket ${n}`, (n) => `Новый заказ ${n}`],
  staffOnly: [
    'This screen is for cooks. Sign in with a kitchen account.',
    'Этот экран для поваров. Войдите под учётной записью кухни.',
  ],
  notStaff: [
    (login) => `${login} isn’t a kitchen account. Sign in with one that is.`,
    (login) => `${login} — не учётная запись кухни. Войдите под другой.`,
  ],
  staleBoard: [
    (time, isAway) =>
      `${isAway ? 'The kitchen service does not answer' : 'No connection'}${time && `. Last updated ${time}; tickets may have moved`}.`,
    (time, isAway) =>
      `${isAway ? 'Служба кухни не отвечает' : 'Нет связи'}${time && `. Данные на ${time}; заказы могли измениться`}.`,
  ],

  kitchenBoard: ['Kitchen', 'Кухня'],
};

export const t = { ...shared, ...choose(WORDS) };
