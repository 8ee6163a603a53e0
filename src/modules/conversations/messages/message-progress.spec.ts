import { type Progress, type ProgressReport, PROVIDER_TIMEOUT, advance } from './message-progress';
import { MessageStatus } from './message.entity';

const PENDING: Progress = {
  status: MessageStatus.pending,
  sent_at: null,
  delivered_at: null,
  read_at: null,
  played_at: null,
  failed_at: null,
  error_code: null,
  error_message: null,
};

const at = (minute: number): Date => new Date(Date.UTC(2026, 10, 20, 12, minute));

const report = (status: ProgressReport['status'], minute: number, error_code: string | null = null): ProgressReport => ({
  status,
  timestamp: at(minute),
  error_code,
  error_message: error_code && `error ${error_code}`,
});

const after = (...reports: ProgressReport[]): Progress => reports.reduce(advance, PENDING);

function permutations<T>(items: T[]): T[][] {
  if (items.length < 2) return [items];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

it('climbs from pending to read, each step at its own time', () => {
  expect(after(report('sent', 1), report('delivered', 2), report('read', 3))).toEqual({
    ...PENDING,
    status: 'read',
    sent_at: at(1),
    delivered_at: at(2),
    read_at: at(3),
  });
});

it('never goes down', () => {
  expect(after(report('read', 3), report('sent', 1)).status).toBe('read');
  expect(after(report('read', 3), report('delivered', 2)).status).toBe('read');
});

it('fills the earlier times of a jump', () => {
  expect(after(report('read', 3))).toMatchObject({ status: 'read', sent_at: at(3), delivered_at: at(3), read_at: at(3) });
});

it('takes the times of a jump back when they are told', () => {
  expect(after(report('read', 3), report('sent', 1))).toMatchObject({ sent_at: at(1), delivered_at: at(3) });
});

it('counts played as read', () => {
  expect(after(report('played', 4))).toMatchObject({ status: 'read', played_at: at(4), read_at: at(4) });
});

it('fails from pending and from sent, for good', () => {
  expect(after(report('failed', 1, '131026'))).toMatchObject({ status: 'failed', error_code: '131026', failed_at: at(1) });
  expect(after(report('sent', 1), report('failed', 2, '131026'), report('read', 3))).toMatchObject({
    status: 'failed',
    error_code: '131026',
  });
});

it('only notes a failure after the delivery', () => {
  expect(after(report('delivered', 1), report('failed', 2, '131026'))).toMatchObject({
    status: 'delivered',
    failed_at: at(2),
    error_code: null,
    error_message: null,
  });
});

it.each([
  ['a failure after the read', [report('sent', 1), report('delivered', 2), report('read', 3), report('failed', 4, '131026')], 'read'],
  [
    'a failure before the delivery',
    [report('sent', 1), report('failed', 2, '131026'), report('delivered', 3), report('read', 4)],
    'failed',
  ],
  ['all in one second', [report('sent', 1), report('delivered', 1), report('read', 1), report('failed', 1, '131026')], 'read'],
  ['two failures', [report('failed', 2, '131026'), report('failed', 3, '131047'), report('sent', 1), report('delivered', 4)], 'failed'],
])('ends the same in every order: %s', (_, reports, status) => {
  const ends = permutations(reports).map((order) => after(...order));

  expect(ends).toHaveLength(24);
  expect(new Set(ends.map((end) => JSON.stringify(end))).size).toBe(1);
  expect(ends[0].status).toBe(status);
});

it('does not mind a report told twice', () => {
  const once = after(report('sent', 1), report('delivered', 2));

  expect(advance(once, report('delivered', 2))).toEqual(once);
});

it('lets any word of the provider overrule our own time-out', () => {
  const given_up: Progress = {
    ...PENDING,
    status: MessageStatus.failed,
    failed_at: at(1),
    error_code: PROVIDER_TIMEOUT,
    error_message: 'No answer',
  };

  expect(advance(given_up, report('delivered', 2))).toMatchObject({
    status: 'delivered',
    failed_at: null,
    error_code: null,
    error_message: null,
  });
  expect(advance(given_up, report('failed', 2, '131026'))).toMatchObject({ status: 'failed', failed_at: at(2), error_code: '131026' });
});

it('leaves what it was given alone', () => {
  const before = { ...PENDING };
  advance(before, report('sent', 1));

  expect(before).toEqual(PENDING);
});
