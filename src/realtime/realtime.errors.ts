import { declareErrors } from '#common/error-codes';

export const REALTIME_ERRORS = declareErrors({
  connection_dropped: {
    status: 403,
    cause: 'An administrator closed the connection.',
    remedy: 'Connect again if you should; the session goes on.',
    by: 'sockets',
  },
  invalid_message: {
    status: 400,
    cause: 'A frame of `/ws` is not one JSON object in text, or lacks a list.',
    remedy: 'Correct the frame.',
    by: 'sockets',
  },
  limit_reached: {
    status: 409,
    cause: 'There are as many as there may be: channels of a connection, drafts of templates.',
    remedy: 'Leave or delete some.',
    by: 'sockets',
  },
  rate_limited: {
    status: 429,
    cause: 'Too many frames on this connection, or too many acts of one user on all of theirs.',
    remedy: 'Send fewer; wait ten seconds.',
    by: 'sockets',
  },
  too_many_connections: {
    status: 409,
    cause: 'The user, or API key, has more sockets of the kind than they may.',
    remedy: 'Close those you do not need.',
    by: 'sockets',
  },
  unauthorized: {
    status: 401,
    cause: 'The token of a socket is missing or not valid.',
    remedy: 'Connect again with a fresh access token.',
    by: 'sockets',
  },
  unknown_channel: {
    status: 404,
    cause: 'No such channel, or of another organization.',
    remedy: 'See the channels at `/api/v1/realtime`.',
    by: 'sockets',
  },
  unknown_type: { status: 422, cause: 'No such command.', remedy: 'See the commands at `/api/v1/realtime`.', by: 'sockets' },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof REALTIME_ERRORS, true> {}
}
