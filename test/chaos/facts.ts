import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '#common/uuid';
import { freePort } from '../support/ports';
import { play, setting } from '../load/stage';

/** Statements of the act at which the process is killed, before and after each has reached PostgreSQL. */
const FIRST = setting('FIRST', 1);
const LAST = setting('LAST', 14);
const START_UP_BYTES = 4;
const HEAD_BYTES = 5;
/** A statement's last message: Query or Execute. */
const ENDS = new Set(['Q', 'E'].map((letter) => letter.charCodeAt(0)));

/** Stands between PyTake and PostgreSQL and knows where a statement ends. */
class Wire {
  /** Called with each statement; true: it must not arrive. */
  onStatement: ((when: 'before' | 'after') => boolean) | null = null;

  async listen(database_port: number): Promise<number> {
    const port = await freePort();
    const server = createServer((client) => this.join(client, connect(database_port, '127.0.0.1')));
    await once(server.listen(port, '127.0.0.1'), 'listening');
    server.unref();
    return port;
  }

  private join(client: Socket, server: Socket): void {
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const)
      one.on('error', () => undefined).on('close', () => other.destroy());
    server.on('data', (data) => client.write(data));
    let waiting = Buffer.alloc(0);
    let started = false;
    client.on('data', (data) => {
      waiting = Buffer.concat([waiting, data]);
      for (;;) {
        const head = started ? HEAD_BYTES : START_UP_BYTES;
        if (waiting.length < head) return;
        const length = waiting.readInt32BE(head - 4) + head - 4;
        if (waiting.length < length) return;
        const message = waiting.subarray(0, length);
        const ends = started && ENDS.has(message[0]);
        waiting = waiting.subarray(length);
        started = true;
        if (ends && this.onStatement?.('before')) return;
        server.write(message);
        if (ends) this.onStatement?.('after');
      }
    });
  }
}

play(async (stage, check) => {
  const wire = new Wire();
  const database_url = new URL(stage.application_url);
  const port = await wire.listen(stage.database_port);
  database_url.port = String(port);
  const { organization_id, user_id } = stage.bakery;

  // One start without a wire makes the schema and the people.
  await stage.kill((await stage.pytake()).process, 'SIGTERM');
  await stage.sql.query(`UPDATE users SET role = 'org_admin' WHERE id = $1`, [user_id]);

  const outcomes = { left: 0, stayed: 0 };
  const wrong: string[] = [];
  for (const when of ['before', 'after'] as const)
    for (let boundary = FIRST; boundary <= LAST; boundary++) {
      const [{ user_id: agent }] = await stage.recruit(1);
      const [contact, conversation] = [newId(), newId()];
      await stage.sql.query(`INSERT INTO contacts (id, organization_id, name) VALUES ($1, $2, 'Ana')`, [contact, organization_id]);
      await stage.sql.query(
        `INSERT INTO conversations (id, organization_id, contact_id, status, current_agent_id) VALUES ($1, $2, $3, 'open', $4)`,
        [conversation, organization_id, contact, agent],
      );

      const pytake = await stage.pytake({ env: { DATABASE_URL: database_url.href } });
      let seen = 0;
      const gone = once(pytake.process, 'exit');
      wire.onStatement = (at) => {
        if (at === 'before') seen++;
        if (at !== when || seen < boundary) return seen > boundary;
        pytake.process.kill('SIGKILL');
        return true;
      };
      await fetch(`http://127.0.0.1:${pytake.port}/api/v1/users/${agent}`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${stage.token()}`, 'content-type': 'application/json' },
        body: JSON.stringify({ is_active: false }),
      }).catch(() => undefined);
      // The act may have had fewer statements than that: whatever runs beside it reaches the boundary.
      await Promise.race([gone, sleep(5000)]);
      await stage.kill(pytake.process, 'SIGKILL');
      wire.onStatement = null;

      const again = await stage.pytake();
      const state = async (): Promise<{ is_active: boolean; has_agent: boolean; facts: number }> => {
        const { rows } = await stage.sql.query<{ is_active: boolean; has_agent: boolean; facts: number }>(
          `SELECT u.is_active, c.current_agent_id IS NOT NULL AS has_agent, (SELECT count(*)::int FROM facts) AS facts
             FROM users u, conversations c WHERE u.id = $1 AND c.id = $2`,
          [agent, conversation],
        );
        return rows[0];
      };
      let now = await state();
      for (let tries = 0; tries < 200 && now.facts; tries++) {
        await sleep(50);
        now = await state();
      }
      outcomes[now.is_active ? 'stayed' : 'left']++;
      if (now.facts || now.is_active !== now.has_agent) wrong.push(`${when} statement ${boundary}: ${JSON.stringify(now)}`);
      await stage.kill(again.process, 'SIGTERM');
    }

  console.log(`${2 * (LAST - FIRST + 1)} kills around the commit of an act: ${outcomes.left} had happened, ${outcomes.stayed} had not`);
  check(!wrong.length, `whoever must hear of an act heard of it exactly when it committed ${wrong.join('; ')}`);
  // Sweeps talk to PostgreSQL too, so where the commit is differs by a few.
  if (LAST - FIRST >= 5) check(outcomes.left > 0 && outcomes.stayed > 0, 'the kills were on both sides of the commit');
});
