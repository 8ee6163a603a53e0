import { Database } from '#database/database';
import type { Facts } from '#events/facts';

/** Loaded before PyTake: one durable reader of every message received, which does nothing with it. It wants them from one SIGUSR2 to the next. */
let wants = false;
process.on('SIGUSR2', () => (wants = !wants));

const keepFactsIn = Reflect.get(Database.prototype, 'keepFactsIn');
Database.prototype.keepFactsIn = function (this: Database, keeper) {
  keepFactsIn.call(this, keeper);
  (keeper as Facts).reader({ name: 'load', events: ['message.received'], wants: () => wants, read: () => Promise.resolve() });
};
