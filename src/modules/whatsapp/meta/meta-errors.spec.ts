import { retryDelaySeconds } from '../provider-failure';
import { classifyGraphFailure, classifyStatusError, retryAfterSeconds } from './meta-errors';

const meta = (code: number, more: object = {}, http_status = 400): ReturnType<typeof classifyGraphFailure> =>
  classifyGraphFailure({ http_status, body: { error: { code, message: 'm', ...more } }, request_written: true });

describe('Meta’s codes', () => {
  it.each([
    [1, 'retry', '1', null],
    [2, 'retry', '2', null],
    [4, 'retry', '4', null],
    [80007, 'retry', '80007', null],
    [130429, 'retry', '130429', null],
    [131000, 'retry', '131000', null],
    [131016, 'retry', '131016', null],
    [131057, 'retry', '131057', null],
    [131056, 'pair_retry', '131056', null],
    [131049, 'later', '131049', null],
    [130472, 'final', '130472', null],
    [131047, 'window', 'window_closed', 'close_window'],
    [131026, 'final', 'undeliverable', null],
    [131050, 'final', '131050', 'opt_out'],
    [131048, 'number', '131048', 'pause_number_1h'],
    [368, 'number', '368', 'pause_number_1h'],
    [0, 'number', '0', 'number_error'],
    [3, 'number', '3', 'number_error'],
    [10, 'number', '10', 'number_error'],
    [190, 'number', '190', 'number_error'],
    [200, 'number', '200', 'number_error'],
    [299, 'number', '299', 'number_error'],
    [131005, 'number', '131005', 'number_error'],
    [131031, 'number', '131031', 'number_error'],
    [131042, 'number', '131042', 'number_error'],
    [131045, 'number', '131045', 'number_error'],
    [132001, 'campaign', '132001', 'template_missing'],
    [132015, 'campaign', '132015', 'template_paused'],
    [132016, 'campaign', '132016', 'template_disabled'],
    [132000, 'campaign', 'template_parameter_error', null],
    [132005, 'final', 'template_parameter_error', null],
    [132007, 'campaign', 'template_parameter_error', null],
    [132008, 'final', 'template_parameter_error', null],
    [132012, 'campaign', 'template_parameter_error', null],
    [131052, 'final', 'media_error', null],
    [131053, 'final', 'media_error', null],
    [131062, 'final', 'phone_required', null],
    [100, 'final', '100', null],
    [133016, 'admin', '133016', null],
    [999999, 'final', '999999', null],
  ])('%d is %s', (code, kind, error_code, effect) => {
    expect(meta(code)).toMatchObject({ class: kind, error_code, effect, provider_code: code, error_message: 'm' });
  });

  it('decide over the HTTP status, which decides only without a known one', () => {
    expect(meta(131026, {}, 500).attempts).toBe(1);
    expect(meta(131000, {}, 400).attempts).toBe(5);
    expect(meta(999999, {}, 500)).toMatchObject({ class: 'retry', error_code: '999999' });
  });

  it('retry only what may succeed', () => {
    const tries = (code: number): number => meta(code).attempts;
    expect([1, 2, 4, 80007, 130429, 131000, 131016, 131057].map(tries)).toEqual(Array(8).fill(5));
    expect([0, 100, 190, 368, 131026, 131047, 131048, 131050, 132000, 132001, 132015].map(tries)).toEqual(Array(11).fill(1));
  });

  it('say who else must slow down', () => {
    expect([131056, 130429, 131057, 4, 80007, 131016].map((code) => meta(code).scope)).toEqual([
      'pair',
      'number',
      'number',
      'waba',
      'waba',
      null,
    ]);
  });

  it('explain themselves with the most precise text', () => {
    expect(meta(131026, { error_data: { details: 'd' } }).error_message).toBe('d');
    expect(meta(131026, { error_user_msg: 'u' }).error_message).toBe('u');
    expect(classifyGraphFailure({ http_status: 400, body: 'garbage', request_written: true }).error_message).toBe(
      'The provider answered 400.',
    );
  });

  it('may be no number at all', () => {
    for (const code of ['toString', null, {}, -1, 1.5, NaN])
      expect(classifyGraphFailure({ http_status: 400, body: { error: { code } }, request_written: true }).class).toBe('final');
    expect(classifyGraphFailure({ http_status: 400, body: { error: { code: '131047' } }, request_written: true }).class).toBe('window');
  });
});

describe('a failed status', () => {
  it('goes through the same table, and is the end of that message', () => {
    expect(classifyStatusError({ code: 131047, details: 'More than 24 hours' })).toMatchObject({
      effect: 'close_window',
      error_code: 'window_closed',
      error_message: 'More than 24 hours',
    });
    expect(classifyStatusError({ code: 131000, title: 'Something went wrong' })).toMatchObject({
      class: 'retry',
      attempts: 1,
      error_message: 'Something went wrong',
    });
    expect(classifyStatusError({ code: 131049 })).toMatchObject({ class: 'later', attempts: 3 });
    expect(classifyStatusError({ code: null })).toMatchObject({ class: 'final', error_code: 'provider_error' });
  });
});

describe('without a Meta code', () => {
  it.each([
    [500, 'retry', null],
    [502, 'retry', null],
    [503, 'retry', 'number'],
    [429, 'retry', 'number'],
    [401, 'number', null],
    [400, 'final', null],
    [404, 'final', null],
    [302, 'final', null],
  ])('HTTP %d is %s', (http_status, kind, scope) => {
    expect(classifyGraphFailure({ http_status, body: null, request_written: true })).toMatchObject({
      class: kind,
      scope,
      error_code: `http_${http_status}`,
    });
  });

  it('a success that says nothing is unknown', () => {
    expect(classifyGraphFailure({ http_status: 200, body: {}, request_written: true })).toMatchObject({
      class: 'unknown',
      error_code: 'provider_timeout',
      attempts: 1,
    });
  });
});

describe('without an answer', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:443'), { code: 'ECONNREFUSED' });

  it('is retried when nothing was written', () => {
    expect(classifyGraphFailure({ network_error: refused, request_written: false })).toMatchObject({
      class: 'retry',
      error_code: 'connection_failed',
      attempts: 5,
      error_message: 'The provider could not be reached: ECONNREFUSED.',
    });
  });

  it('is never retried once it was', () => {
    const lost = classifyGraphFailure({ network_error: Object.assign(new Error('x'), { code: 'UND_ERR_SOCKET' }), request_written: true });
    expect(lost).toMatchObject({ class: 'unknown', error_code: 'provider_timeout', attempts: 1 });
    expect(retryDelaySeconds(lost, 1)).toBeNull();
  });
});

describe('the pause', () => {
  const delays = (decision: Parameters<typeof retryDelaySeconds>[0], random = 0): (number | null)[] =>
    [1, 2, 3, 4, 5, 6].map((attempt) => retryDelaySeconds(decision, attempt, () => random));

  it('doubles, five tries in all', () => {
    expect(delays(meta(131000))).toEqual([2, 4, 8, 16, null, null]);
  });

  it('of one recipient is 1, 4, 16, 64, 256 seconds', () => {
    expect(delays(meta(131056))).toEqual([1, 4, 16, 64, 256, null]);
  });

  it('of a whole account or an upgrade is a minute', () => {
    expect(delays(meta(80007)).slice(0, 4)).toEqual([60, 60, 60, 60]);
    expect(delays(meta(131057)).slice(0, 4)).toEqual([60, 60, 60, 60]);
  });

  it('of the marketing limit is a day, twice', () => {
    expect(delays(meta(131049)).slice(0, 3)).toEqual([86_400, 86_400, null]);
  });

  it('is only lengthened by jitter', () => {
    expect(retryDelaySeconds(meta(131000), 3, () => 1)).toBe(10);
    for (let i = 0; i < 100; i++) expect(retryDelaySeconds(meta(131000), 3)).toBeGreaterThanOrEqual(8);
  });

  it('obeys Retry-After', () => {
    const busy = classifyGraphFailure({ http_status: 503, body: null, request_written: true, retry_after: '30' });
    expect(delays(busy).slice(0, 4)).toEqual([30, 30, 30, 30]);
    expect(
      classifyGraphFailure({ http_status: 400, body: { error: { code: 131026 } }, request_written: true, retry_after: '30' }).delay_seconds,
    ).toBe(0);
  });

  it('reads Retry-After in both forms and nothing else', () => {
    const now = Date.parse('2026-11-20T12:00:00Z');
    expect(retryAfterSeconds('120', now)).toBe(120);
    expect(retryAfterSeconds('Fri, 20 Nov 2026 12:01:00 GMT', now)).toBe(60);
    expect(retryAfterSeconds('999999999', now)).toBe(86_400);
    for (const junk of ['', 'soon', '-5', '0', 'Fri, 20 Nov 2020 12:01:00 GMT', null, undefined])
      expect(retryAfterSeconds(junk, now)).toBeNull();
  });
});
