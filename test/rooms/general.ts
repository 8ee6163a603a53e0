import type { RoomFacts } from '../support/rooms';

export const facts: RoomFacts = {
  roles: {
    public: [
      'GET /',
      'GET /health',
      'GET /observability/health',
      'GET /observability/live',
      'GET /observability/metrics',
      'GET /observability/ready',
      'GET /ping',
    ],
  },
};
