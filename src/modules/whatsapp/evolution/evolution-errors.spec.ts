import { classifyEvolutionFailure } from './evolution-errors';

describe('a call that failed', () => {
  it.each<[string, Parameters<typeof classifyEvolutionFailure>[0], object]>([
    ['before it left is tried again', { http_status: null, request_written: false }, { class: 'retry', error_code: 'connection_failed' }],
    [
      'after it left is unknown',
      { http_status: null, request_written: true },
      { class: 'unknown', error_code: 'provider_timeout', attempts: 1 },
    ],
    ['without an id is unknown', { http_status: 201, body: {}, request_written: true }, { class: 'unknown' }],
    ['with 401 is the number’s', { http_status: 401, request_written: true }, { class: 'number', effect: 'number_error' }],
    ['with 404 has no instance', { http_status: 404, request_written: true }, { effect: 'number_disconnected' }],
    ['with 429 slows the number', { http_status: 429, request_written: true }, { class: 'retry', scope: 'number' }],
    ['with 500 is tried again', { http_status: 500, request_written: true }, { class: 'retry', attempts: 5 }],
    [
      'with 400 is final',
      { http_status: 400, body: { response: { message: [['too long']] } }, request_written: true },
      { class: 'final', error_message: 'too long' },
    ],
    [
      'for nobody is undeliverable',
      { http_status: 400, body: { response: { message: [{ exists: false }] } }, request_written: true },
      { class: 'final', error_code: 'undeliverable' },
    ],
    [
      'and says so with 200 is not unknown',
      { http_status: 200, body: { error: true, message: 'no' }, request_written: true },
      { class: 'final', error_message: 'no' },
    ],
  ])('%s', (_, failure, expected) => {
    expect(classifyEvolutionFailure(failure)).toMatchObject(expected);
  });
});
