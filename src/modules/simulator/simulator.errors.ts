import { declareErrors } from '#common/error-codes';

export const SIMULATOR_ERRORS = declareErrors({
  cross_origin: {
    status: 403,
    cause: 'The request came from another site, or under another name of this machine.',
    remedy: 'Open the simulator at the address the console names.',
    by: 'simulator',
  },
  forbidden: {
    status: 403,
    cause: 'A payload of any shape is posted and signed only by a simulator that runs alone.',
    remedy: 'Use `/simulator/api/control/change`, or `npm run simulator`.',
    by: 'simulator',
  },
  simulator_token_required: {
    status: 403,
    cause: 'The simulator is open to this machine only; from elsewhere it wants its token.',
    remedy: 'Use the address with the token that the console prints.',
    by: 'simulator',
  },
});

declare module '#common/error-codes' {
  interface ErrorCodes extends Record<keyof typeof SIMULATOR_ERRORS, true> {}
}
