import type { Dispatcher } from 'undici';

/** Carries whether undici began to write the request: what failed before that certainly never left. */
export interface Trace {
  written: boolean;
  signal?: AbortSignal | null;
}

/** undici calls onRequestStart when the request meets its connection, right before the first byte is written. */
export const traced: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
  const { trace } = options as typeof options & { trace?: Trace };
  if (trace !== undefined) {
    const start = handler.onRequestStart?.bind(handler);
    handler.onRequestStart = (controller, context: unknown) => {
      if (trace.signal?.aborted !== true) trace.written = true;
      start?.(controller, context);
    };
  }
  return dispatch(options, handler);
};
