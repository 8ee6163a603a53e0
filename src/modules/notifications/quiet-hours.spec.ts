import { type QuietHours, digestAt, quietUntil } from './quiet-hours';

const SAO_PAULO = 'America/Sao_Paulo';
const hours = (quiet_hours_start: string, quiet_hours_end: string): QuietHours => ({
  quiet_hours_enabled: true,
  quiet_hours_start,
  quiet_hours_end,
});
const until = (of: QuietHours | null, at: string, zone = SAO_PAULO): string | undefined =>
  quietUntil(of, new Date(at), zone)?.toISOString();
const digest = (of: QuietHours | null, at: string, zone = SAO_PAULO): string => digestAt(of, new Date(at), zone).toISOString();

describe('quiet hours', () => {
  it('are those of the clock on the wall of the user', () => {
    // São Paulo is three hours behind UTC.
    expect(until(hours('12:00', '14:00'), '2026-11-20T14:59:59Z')).toBeUndefined();
    expect(until(hours('12:00', '14:00'), '2026-11-20T15:00:00Z')).toBe('2026-11-20T17:00:00.000Z');
    expect(until(hours('12:00', '14:00'), '2026-11-20T16:59:59Z')).toBe('2026-11-20T17:00:00.000Z');
    expect(until(hours('12:00', '14:00'), '2026-11-20T17:00:00Z')).toBeUndefined();
    expect(until(hours('12:00', '14:00'), '2026-11-20T12:30:00Z', 'UTC')).toBe('2026-11-20T14:00:00.000Z');
  });

  it('run past midnight', () => {
    const night = hours('22:00', '07:00');
    expect(until(night, '2026-11-21T01:00:00Z')).toBe('2026-11-21T10:00:00.000Z');
    expect(until(night, '2026-11-21T09:59:59Z')).toBe('2026-11-21T10:00:00.000Z');
    expect(until(night, '2026-11-21T10:00:00Z')).toBeUndefined();
    expect(until(night, '2026-11-20T18:00:00Z')).toBeUndefined();
  });

  it('end with the clock where it is set forward in between', () => {
    // Lisbon, 29 March 2026: 1:00 becomes 2:00.
    expect(until(hours('22:00', '07:00'), '2026-03-28T23:00:00Z', 'Europe/Lisbon')).toBe('2026-03-29T06:00:00.000Z');
    // 25 October: 2:00 becomes 1:00.
    expect(until(hours('22:00', '07:00'), '2026-10-24T23:00:00Z', 'Europe/Lisbon')).toBe('2026-10-25T07:00:00.000Z');
  });

  it('are none where they are switched off or nobody said any', () => {
    expect(until({ ...hours('00:00', '23:59'), quiet_hours_enabled: false }, '2026-11-20T15:00:00Z')).toBeUndefined();
    expect(until(null, '2026-11-20T15:00:00Z')).toBeUndefined();
  });
});

describe('a digest', () => {
  it('leaves at the next 8 o’clock of the user', () => {
    expect(digest(null, '2026-11-20T10:59:30Z')).toBe('2026-11-20T11:00:00.000Z');
    expect(digest(null, '2026-11-20T11:00:00Z')).toBe('2026-11-21T11:00:00.000Z');
    expect(digest(null, '2026-11-20T23:00:00Z', 'Asia/Tokyo')).toBe('2026-11-21T23:00:00.000Z');
  });

  it('waits for the end of quiet hours', () => {
    expect(digest(hours('22:00', '09:30'), '2026-11-20T20:00:00Z')).toBe('2026-11-21T12:30:00.000Z');
  });
});
