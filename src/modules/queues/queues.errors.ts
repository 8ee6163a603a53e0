import { declareErrors } from '#common/error-codes';

export const QUEUE_ERRORS = declareErrors({
  agent_at_capacity: {
    status: 409,
    cause: 'The agent has as many open conversations as the queue, the department or the account allows.',
    remedy: 'Close one first.',
  },
  ambiguous_slug: { status: 409, cause: 'Queues of several departments have this slug.', remedy: 'Add `department_id`.' },
  offer_over: {
    status: 409,
    cause: 'The offer stands no more: its time went by, or the conversation went elsewhere.',
    remedy: 'Wait for the next one, or pull.',
  },
  overflow_cycle: { status: 422, cause: 'Queues would overflow into each other in a circle.', remedy: 'Name another queue, or none.' },
  queue_closed: { status: 409, cause: 'Conversations wait, but in queues that are outside their hours.', remedy: 'Wait until one opens.' },
  queue_empty: { status: 404, cause: 'Nothing waits that the agent may serve.', remedy: 'Nothing is left to do.' },
  queue_not_empty: {
    status: 409,
    cause: 'Conversations of the queue are open or pending.',
    remedy: 'Name the queue they go to in `move_to_queue_id`, or close them.',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof QUEUE_ERRORS, true> {}
}
