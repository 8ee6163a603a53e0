import { getModelToken } from '@nestjs/mongoose';
import type { Model } from 'mongoose';
import { AuditLog } from '#modules/audit/audit-log.entity';
import { type AuditDocument, AuditLogSchema } from '#modules/audit/audit-log.schema';
import { HealthRegistry } from '#observability/health';
import { archiveOf, rowsIn, textIn } from './support/archive';
import { type FakeS3, fakeS3 } from './support/fake-s3';
import { PNG } from './support/files';
import { type TestMongo, startTestMongo } from './support/mongo';
import { until } from './support/until';
import { type Person, type World, close, errorOf, world } from './support/world';

const add = async (by: Person, name: string): Promise<void> => {
  await by.post('/departments', { name }).expect(201);
};

describe('the export of an organization whose files stand in a bucket', () => {
  let bucket: FakeS3;
  let w: World;
  beforeAll(async () => {
    bucket = await fakeS3();
    w = await world(bucket.env);
  });
  afterAll(async () => {
    await close();
    await bucket.close();
  });

  const upload = async (by: Person, filename: string): Promise<string> => {
    const { body } = await by.post('/whatsapp/media').attach('file', PNG, { filename }).expect(201);
    return (body as { id: string }).id;
  };

  it('has them, but for those that are gone', async () => {
    const { acme, globex } = w;
    const [a, b, c] = [await upload(acme.agent, 'a.png'), await upload(acme.agent, 'b.png'), await upload(acme.agent, 'c.png')];
    await upload(globex.agent, 'd.png');
    const [{ storage_key }] = await w.sql<{ storage_key: string }>('SELECT storage_key FROM media_files WHERE id = $1', [b]);
    bucket.objects.delete(storage_key);

    const { files } = await archiveOf(acme.admin);

    expect([...files.keys()].filter((name) => name.startsWith('media/'))).toEqual([`media/${a}.png`, `media/${c}.png`]);
    expect(files.get(`media/${c}.png`)).toEqual(PNG);
    expect(JSON.parse(textIn(files, 'contents.json'))).toMatchObject({ media: { files: 2, missing: 1 } });
  });

  it('goes on where the bucket failed for a moment', async () => {
    const company = await w.organization('Padaria');
    const id = await upload(company.agent, 'a.png');
    // As often as the SDK asks.
    bucket.faults.push(500, 500, 500);

    const { files } = await archiveOf(company.admin);

    expect(bucket.faults).toEqual([]);
    expect(files.get(`media/${id}.png`)).toEqual(PNG);
  });
});

describe('the export of an organization whose audit log MongoDB keeps', () => {
  let mongo: TestMongo | null;
  let w: World;
  beforeAll(async () => {
    mongo = await startTestMongo();
    if (mongo) w = await world({ MONGODB_URL: mongo.url });
  }, 300_000);
  afterAll(async () => {
    await close();
    await mongo?.close();
  });

  /** Without a server it has said why (see startTestMongo) and passes over. */
  const withMongo = (sentence: string, test: (server: TestMongo) => Promise<void>): void =>
    it(sentence, async () => {
      if (mongo) await test(mongo);
    });

  /** Connected, and with its indexes: while the test server makes one it refuses writes. */
  const isUp = async (): Promise<boolean> => {
    const { mongodb } = await w.app.get(HealthRegistry).run(['mongodb']);
    if (mongodb.status !== 'healthy') return false;
    const indexes = await w.app.get<Model<AuditDocument>>(getModelToken(AuditLog.name)).collection.indexes();
    return indexes.length > AuditLogSchema.indexes().length;
  };

  const inPostgres = async (organization_id: string): Promise<number> =>
    (await w.sql('SELECT FROM audit_logs WHERE organization_id = $1', [organization_id])).length;

  withMongo('has its entries of both stores in their order, and is none while MongoDB is away', async (server) => {
    const { id, admin } = w.acme;
    await until(isUp, 'MongoDB being up');
    for (const name of ['Vendas', 'Suporte']) await add(admin, name);
    expect(await inPostgres(id)).toBe(0);
    await server.stop();
    await add(admin, 'Cobrança');
    expect(await inPostgres(id)).toBe(1);

    const [export_of_admin] = await Promise.all([
      admin.post(`/privacy/data/${admin.user.id}/export?subject_type=user`, { include: ['audit'] }),
      expect(archiveOf(admin)).rejects.toThrow('aborted'),
    ]);
    errorOf('service_unavailable')(export_of_admin);
    await server.start();
    await until(isUp, 'MongoDB being back');

    const { files } = await archiveOf(admin);
    const entries = rowsIn(files, 'audit_logs');
    const departments = entries.filter(({ action }) => action === 'department.created');
    expect(departments.map(({ resource_name, actor_email }) => [resource_name, actor_email])).toEqual(
      ['Vendas', 'Suporte', 'Cobrança'].map((name) => [name, admin.user.email]),
    );
    expect(entries.every((entry) => entry.organization_id === id && '_id' in entry === false)).toBe(true);
    expect(JSON.parse(textIn(files, 'contents.json'))).toMatchObject({ tables: { audit_logs: entries.length } });
  });
});
