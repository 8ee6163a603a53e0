import { RealtimeRooms } from '#realtime/realtime.rooms';
import { LIMITS } from '#realtime/realtime.limits';
import { socketOf, until } from './support/sockets';
import { type Person, world } from './support/world';

// The waiting of the product, shorter.
Object.assign(LIMITS, { presence_tick_ms: 50, presence_grace_ms: 300 });

const seen = async (asks: Person, who: Person): Promise<Record<string, unknown>> =>
  (await asks.get(`/users/${who.user.id}`).expect(200)).body as Record<string, unknown>;

describe('presence', () => {
  it('is written down and told while a socket is open, and what the agent chose is kept', async () => {
    const { acme, globex } = await world();
    const [admin, foreign] = await Promise.all([socketOf(acme.admin), socketOf(globex.admin)]);
    const agent = await socketOf(acme.agent);
    const ofAgent = (online: boolean, status: string) => (data: Record<string, unknown>) =>
      data.agent_id === acme.agent.user.id && data.is_online === online && data.status === status;

    await admin.hear('agent:status', ofAgent(true, 'offline'));
    expect(await agent.ask('agent:set_status', { status: 'busy' })).toEqual({ ok: true, status: 'busy' });
    expect(await admin.hear('agent:status', ofAgent(true, 'busy'))).toMatchObject({
      agent_name: acme.agent.user.full_name,
      previous_status: 'offline',
    });
    agent.socket.disconnect();
    await admin.hear('agent:status', (data) => ofAgent(false, 'offline')(data) && data.previous_status === 'busy');

    expect(await seen(acme.admin, acme.agent)).toMatchObject({
      is_online: false,
      agent_status: 'busy',
      last_seen_at: expect.any(String) as string,
    });
    expect(foreign.all('agent:status').filter(({ agent_id }) => agent_id !== globex.admin.user.id)).toEqual([]);
  });

  it('is refused as a choice to a viewer, and to a word that is none', async () => {
    const { acme } = await world();
    const [agent, viewer] = await Promise.all([socketOf(acme.agent), socketOf(acme.viewer)]);

    expect(await viewer.ask('agent:set_status', { status: 'busy' })).toMatchObject({ ok: false, error_code: 'insufficient_role' });
    expect(await agent.ask('agent:set_status', { status: 'sleeping' })).toMatchObject({ ok: false, error_code: 'validation_error' });

    expect(await seen(acme.admin, acme.viewer)).toMatchObject({ agent_status: 'offline' });
  });

  it('is put right for whom a killed process left online, and for nobody who has just come', async () => {
    const { acme, app, sql } = await world();
    await sql(`UPDATE users SET is_online = true, last_seen_at = now() - interval '5 minutes' WHERE id = $1`, [acme.agent.user.id]);
    await sql(`UPDATE users SET is_online = true, last_seen_at = now() WHERE id = $1`, [acme.admin.user.id]);

    await app.get(RealtimeRooms).presence?.reconcile?.([]);

    await until(async () => !(await seen(acme.admin, acme.agent)).is_online, 'the agent offline');
    expect(await seen(acme.admin, acme.admin)).toMatchObject({ is_online: true });
  });
});
