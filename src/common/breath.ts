import { setImmediate as nextTurn } from 'node:timers/promises';

/** Work in one go longer than this keeps everybody else waiting. */
const BREATH_MS = 5;

/** For long work: called often, it lets others have their turn every few milliseconds. */
export function breather(): () => Promise<void> {
  let began = performance.now();
  return async () => {
    if (performance.now() - began < BREATH_MS) return;
    await nextTurn();
    began = performance.now();
  };
}
