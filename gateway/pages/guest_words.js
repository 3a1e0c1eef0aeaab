/** What the guest's page says. */

import { choose, counted, t as shared } from './words.js';

const WORDS = {
  // The menu
  menu: ['Menu', 'Меню'],
  orders: ['Orders', 'Заказы'],
  kitchenBoard: ['Kitchen', 'Кухня'],
  menuTitle: ['What would you like?', 'Что вам приготовить?'],
  closedToday: ['No orders today.', 'Сегодня заказов нет.'],
  openToday: [(times) => `Today’s hours: ${times}.`, (times) => `Сегодня: ${times}.`],
  emptyMenu: ['The menu is being written. Look again in a minute.', 'Меню ещё пишут. Загляните через минуту.'],
  add: ['Add', 'Добавить'],
  chooseOne: ['choose one', 'выберите одно'],
  upTo: [(n) => `up to ${n}`, (n) => `до ${n}`],
  atLeast: [(n) => `at least ${n}`, (n) => `не меньше ${n}`],
  fewer: [(name) => `One ${name} fewer`, (name) => `Меньше: ${name}`],
  more: [(name) => `One ${name} more`, (name) => `Больше: ${name}`],
  quantity: ['Quantity', 'Количество'],
  bill: ['Your order', 'Ваш заказ'],
  emptyBill: [
    'Nothing on the ticket yet. Tap a dish to write it down.',
    'На билете пока пусто. Нажмите на блюдо, и мы запишем.',
  ],
  dishes: [(n) => counted(n, 'dish', 'dishes'), (n) => counted(n, 'блюдо', 'блюда', 'блюд')],
  total: ['Total', 'Итого'],
  note: ['A wish for the kitchen', 'Пожелание кухне'],
  noteHint: ['no onion, sauce apart…', 'без лука, соус отдельно…'],
  order: ['Order', 'Заказать'],
  ordering: ['Sending…', 'Отправляем…'],
  saveOrder: ['Save changes', 'Сохранить изменения'],
  dropChanges: ['Leave it as it was', 'Оставить как было'],
  changing: [(n) => (n ? `Changing order ${n}` : 'Changing your order'), (n) => (n ? `Меняем заказ ${n}` : 'Меняем заказ')],
  writtenDown: [(name) => `${name} is on the ticket`, (name) => `${name}: записано`],

  // The ticket
  ticketTitle: [(n) => (n ? `Order ${n}` : 'Your order'), (n) => (n ? `Заказ ${n}` : 'Ваш заказ')],
  yourNumber: ['Your number', 'Ваш номер'],
  numberComes: ['Your number is coming', 'Номер сейчас будет'],
  stops: [
    { placed: 'Placed', queued: 'In line', preparing: 'Cooking', ready: 'Ready', completed: 'Picked up' },
    { placed: 'Принят', queued: 'Очередь', preparing: 'Готовим', ready: 'Готов', completed: 'Выдан' },
  ],
  statuses: [
    {
      placed: 'Sent to the kitchen',
      queued: 'On the rail',
      preparing: 'Cooking now',
      ready: 'Ready for you',
      completed: 'Enjoy your meal',
      cancelled: 'Cancelled',
      rejected: 'The kitchen can’t make this',
    },
    {
      placed: 'Отправлен на кухню',
      queued: 'Ждёт своей очереди',
      preparing: 'Уже готовим',
      ready: 'Готово, забирайте',
      completed: 'Приятного аппетита',
      cancelled: 'Отменён',
      rejected: 'Кухня не сможет это приготовить',
    },
  ],
  waitingForKitchen: [
    'The kitchen will answer in a moment.',
    'Кухня сейчас ответит.',
  ],
  about: [(time) => `About ${time}`, (time) => `Около ${time}`],
  inMinutes: [(n) => `in ${n} min`, (n) => `через ${n} мин`],
  anyMoment: ['any moment now', 'с минуты на минуту'],
  runningLate: [
    (n) => `It takes ${n} min longer than promised. We’re on it.`,
    (n) => `На ${n} мин дольше обещанного. Уже заканчиваем.`,
  ],
  ahead: [
    (n) => `${counted(n, 'ticket', 'tickets')} cooking ahead of you.`,
    (n) => `Перед вами готовится ${counted(n, 'заказ', 'заказа', 'заказов')}.`,
  ],
  showNumber: [(n) => `Show number ${n} at the counter.`, (n) => `Назовите номер ${n} у стойки.`],
  pickedUp: ['Picked up. See you again.', 'Заказ выдан. Ждём вас снова.'],
  byTimer: ['our estimate', 'наша оценка'],
  youCancelled: ['You called it off. Nothing will be cooked.', 'Вы отменили заказ. Готовить не будем.'],
  staffCancelled: ['The restaurant called it off.', 'Ресторан отменил заказ.'],
  recalled: [
    'The cook took it back to put something right.',
    'Повар забрал его, чтобы кое-что поправить.',
  ],
  because: [(reason) => `Reason: ${reason}`, (reason) => `Причина: ${reason}`],
  changeOrder: ['Change', 'Изменить'],
  cancelOrder: ['Cancel order', 'Отменить заказ'],
  reallyCancel: ['Cancel the whole order?', 'Отменить весь заказ?'],
  yesCancel: ['Yes, cancel it', 'Да, отменить'],
  keepIt: ['Keep it', 'Оставить'],
  canStillChange: [
    'You can change or cancel it until cooking begins.',
    'Пока не начали готовить, заказ можно изменить или отменить.',
  ],
  cooking: [
    'It’s being cooked, so it can’t be changed any more.',
    'Его уже готовят, изменить нельзя.',
  ],
  orderAgain: ['Order again', 'Заказать ещё раз'],
  orderMore: ['Order something else', 'Заказать что-то ещё'],
  otherOrders: ['Your other orders', 'Другие заказы'],
  moreOrders: ['Show earlier ones', 'Показать ещё'],
  ordersFailed: ['We couldn’t read your orders.', 'Не удалось прочитать ваши заказы.'],
  noOrders: ['No orders yet. The menu is waiting.', 'Заказов пока нет. Меню ждёт.'],
  activeTicket: [
    (n) => (n ? `Your ticket ${n}` : 'Your ticket'),
    (n) => (n ? `Ваш билет ${n}` : 'Ваш билет'),
  ],
  noSuchOrder: ['There is no such order.', 'Такого заказа нет.'],
  seeOrders: ['See your orders', 'К вашим заказам'],
};

export const t = { ...shared, ...choose(WORDS) };
