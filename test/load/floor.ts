import { createHmac, timingSafeEqual } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { Pool } from 'pg';

/**
 * The floor of the machine (contract 40): a bare Express handler that checks the HMAC over the raw bytes, parses, and inserts one row.
 * A process of its own, started by the load tests with DATABASE_URL and SECRET.
 */
async function main(): Promise<void> {
  const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
  await pool.query(
    'CREATE TABLE IF NOT EXISTS floor_events (id bigserial PRIMARY KEY, received_at timestamptz NOT NULL DEFAULT now(), body text NOT NULL)',
  );
  const secret = process.env.SECRET ?? '';
  const app = express();
  app.post('/', express.raw({ type: () => true, limit: '3mb' }), async (request, response) => {
    const body = request.body as Buffer;
    const given = Buffer.from((request.get('x-hub-signature-256') ?? '').slice(7), 'hex');
    const expected = createHmac('sha256', secret).update(body).digest();
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return void response.status(403).end();
    const text = body.toString();
    JSON.parse(text);
    await pool.query('INSERT INTO floor_events (body) VALUES ($1)', [text]);
    response.json({ status: 'ok' });
  });
  const server = app.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
  process.on('disconnect', () => process.exit());
}

void main();
