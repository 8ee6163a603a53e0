import type { Given, Stage } from '../support/acts';
import type { RoomFacts } from '../support/rooms';

const operator = async ({ world }: Stage, body: object): Promise<Given> => ({ person: await world.superAdmin(), elsewhere: true, body });

/** Nobody is there. */
const config = { connection_type: 'postgres', host: 'reports.invalid', database: 'reports' };

export const facts: RoomFacts = {
  roles: {
    super_admin: [
      'GET /database/migrations',
      'GET /database/stats',
      'GET /database/status',
      'GET /debug/config',
      'GET /debug/echo',
      'GET /debug/emails',
      'GET /debug/info',
      'GET /debug/jobs',
      'GET /debug/routes',
      'GET /observability/logs',
      'GET /observability/traces',
      'POST /database/execute-query',
      'POST /database/test-connection',
      'POST /debug/events',
    ],
  },
  ids: { organization_id: 'organization' },
  no_ids: { trace_id: 'of a trace, in memory' },
  acts: [
    {
      rest: 'POST database/test-connection',
      crosses: true,
      said: ['database.connection_tested'],
      changes_nothing: 'it only asks',
      given: (stage) => operator(stage, { config }),
      wrong: { config: { ...config, connection_type: 'sqlite' } },
    },
    {
      rest: 'POST database/execute-query',
      crosses: true,
      said: ['database.queried'],
      changes_nothing: 'it only reads',
      given: (stage) => operator(stage, { config, query: 'SELECT 1' }),
      wrong: { query: 'DROP TABLE orders' },
    },
    {
      rest: 'POST debug/events',
      crosses: true,
      said: ['debug.event_sent'],
      changes_nothing: 'an event leaves, and nothing is kept',
      given: (stage) => operator(stage, { event: 'message:new', payload: { content: 'Olá' } }),
      wrong: { event: 'disconnect' },
    },
  ],
};
