import { randomUUID } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { RequestMethod } from '@nestjs/common';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import type { OpenAPIObject } from '@nestjs/swagger';
import { getMetadataStorage } from 'class-validator';
import { type GraphQLNamedType, type GraphQLOutputType, type GraphQLSchema, getNamedType, isObjectType } from 'graphql';
import ts from 'typescript';
import { DataSource, type EntityMetadata } from 'typeorm';
import { ALLOW, PUBLIC, RATE_CLASS } from '#access/decorators';
import { Uuid } from '#api/validation.pipe';
import { Actor } from '#common/actor';
import { eventCatalogue } from '#common/events';
import { PERMISSION_RESOURCES, rolePermissions } from '#common/permissions';
import { Database } from '#database/database';
import { dataSourceOptions } from '#database/database.module';
import { erasedTables } from '#database/erasure';
import { unchecked } from '#database/references';
import { type Forgetting, contactRows, userRows } from '#database/personal-data';
import { retentions } from '#database/retention';
import { sealedColumns } from '#database/sealed-columns';
import { untold, untoldColumns } from '#database/untold';
import { AUDIT } from '#modules/audit/audit.interceptor';
import { User } from '#modules/users/user.entity';
import { socketCatalogue } from '#realtime/realtime.events';
import * as sealed from '../migrations/sealed';
import { type Handler, handlersOf } from './support/handlers';
import { type Schema, openApiOf, routesOf } from './support/openapi';
import { ACTS } from './support/rooms';
import { migrationChecksums, schemaLines } from './support/seal-migrations';
import { cloneDatabase, world } from './support/world';

// The house keeps its own rules: what style.md says of the code, checked on the code.

const root = resolve(__dirname, '..', '..');
const sources = globSync('src/**/*.ts', { cwd: root })
  .filter((file) => !file.endsWith('.spec.ts'))
  .sort()
  .map((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return { file, text, tree: ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true) };
  });

function each(node: ts.Node, visit: (node: ts.Node) => boolean | void): void {
  if (visit(node) === false) return;
  ts.forEachChild(node, (child) => each(child, visit));
}

// --- floors

/** Which rooms stand on which floor: the comments of app.module.ts. */
const FLOORS = (() => {
  const { text } = sources.find(({ file }) => file === 'src/app.module.ts') ?? { text: '' };
  const room = (name: string): string => new RegExp(`import \\{ ${name}Module \\} from '#modules/([a-z-]+)/`).exec(text)?.[1] ?? name;
  return [...text.matchAll(/\/\/ \d .*\n((?: +\w+Module,\n)+)/g)].map(([, rooms]) =>
    [...rooms.matchAll(/(\w+)Module/g)].map(([, name]) => room(name)),
  );
})();
const floorOf = (room: string): number => FLOORS.findIndex((rooms) => rooms.includes(room));

/** What the rooms stand on; each may import those before it. */
const GROUND = ['common', 'config', 'observability', 'database', 'jobs', 'events', 'mail', 'access', 'realtime', 'api'];

/** Imports against the order, each with its reason. */
const AGAINST_THE_ORDER: Record<string, string> = {
  'src/observability/observability.controller.ts -> #access/decorators':
    'its routes say @Public() as every route does; the decorators import no room',
};

interface Import {
  file: string;
  from: string;
  /** `from`, from the root. */
  path: string;
  /** First folder under src (or under src/modules), and what is imported below it. */
  place: string;
  target: string;
}

/** Every import of one of our files by another, as places: `modules/contacts`, `common`, `.` for the files of src itself. */
const imports: Import[] = sources.flatMap(({ file, tree }) => {
  const found: string[] = [];
  each(tree, (node) => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier))
      found.push(node.moduleSpecifier.text);
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal))
      found.push(node.argument.literal.text);
    if (ts.isCallExpression(node) && node.arguments.length === 1 && ts.isStringLiteral(node.arguments[0]))
      if (node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText() === 'require')
        found.push(node.arguments[0].text);
  });
  return found
    .filter((from) => /^[#.]/.test(from))
    .map((from) => ({
      file,
      from,
      path: from.startsWith('#') ? `src/${from.slice(1)}` : relative(root, resolve(root, dirname(file), from)),
    }))
    .map((one) => ({ ...one, place: placeOf(file), target: placeOf(one.path) }));
});

function placeOf(path: string): string {
  const [, first, second, ...rest] = path.split('/');
  if (second === undefined) return '.';
  return first === 'modules' && rest.length ? `modules/${second}` : first;
}

describe('the floors', () => {
  it('hold every room there is', () => {
    const rooms = [...new Set(imports.map(({ place }) => place))].filter((place) => place.startsWith('modules/'));
    expect(rooms.map((place) => place.slice(8)).sort()).toEqual([...new Set(FLOORS.flat())].sort());
  });

  it('let a room call its own floor and those below', () => {
    const wrong = imports.filter(
      ({ place, target }) =>
        place.startsWith('modules/') && target.startsWith('modules/') && floorOf(target.slice(8)) > floorOf(place.slice(8)),
    );
    expect(wrong.map(({ file, from }) => `${file} -> ${from}`)).toEqual([]);
  });

  it('have no circle', () => {
    const graph = new Map<string, Set<string>>();
    for (const { place, target } of imports)
      if (place.startsWith('modules/') && target.startsWith('modules/') && place !== target)
        graph.set(place, (graph.get(place) ?? new Set()).add(target));
    const circles: string[] = [];
    const walk = (room: string, way: string[]): void => {
      if (way.includes(room)) circles.push([...way.slice(way.indexOf(room)), room].join(' -> '));
      else for (const next of graph.get(room) ?? []) walk(next, [...way, room]);
    };
    for (const room of graph.keys()) walk(room, []);

    expect(circles).toEqual([]);
  });

  it('stand on a ground whose parts know only those before them', () => {
    const wrong = imports
      .filter(({ place, target }) => GROUND.includes(place) && place !== target)
      .filter(({ place, target }) => {
        if (target.startsWith('modules/')) return !(target === 'modules/auth' && (place === 'access' || place === 'api'));
        return GROUND.indexOf(target) < 0 || GROUND.indexOf(target) > GROUND.indexOf(place);
      })
      .map(({ file, from }) => `${file} -> ${from}`);
    expect(wrong).toEqual(Object.keys(AGAINST_THE_ORDER));
  });

  it('let messages stand below their conversations: no input of these is known to them', () => {
    const up = imports.filter(
      ({ file, path }) => file.startsWith('src/modules/conversations/messages/') && /^src\/modules\/conversations\/[^/]+\.dto$/.test(path),
    );
    expect(up.map(({ file, from }) => `${file} -> ${from}`)).toEqual([]);
  });

  it('say the room in every import of another one', () => {
    const hidden = imports.filter(({ place, target, from }) => place !== '.' && place !== target && from.startsWith('.'));
    expect(hidden.map(({ file, from }) => `${file} -> ${from}`)).toEqual([]);
    expect(sources.filter(({ text }) => /\bforwardRef\b/.test(text)).map(({ file }) => file)).toEqual([]);
    expect(sources.filter(({ file }) => file.endsWith('/index.ts')).map(({ file }) => file)).toEqual([]);
  });
});

// --- providers

describe('a WhatsApp provider', () => {
  it('is reached through its port: its folder is known to the registry and the wiring alone', () => {
    const folderOf = (path: string): string | undefined => /^src\/modules\/whatsapp\/(?:meta|evolution)\//.exec(path)?.[0];
    const strangers = imports.filter(({ file, path }) => folderOf(path) !== undefined && folderOf(path) !== folderOf(file));

    expect([...new Set(strangers.map(({ file }) => file))]).toEqual([
      'src/modules/whatsapp/providers.ts',
      'src/modules/whatsapp/whatsapp.module.ts',
    ]);
  });

  it('is chosen by the registry, never by an `if` of who calls it', () => {
    const choices = /\bConnectionType\.(?:official|qrcode)\b|connection_type\s*[!=<>]+\s*'/;
    // The default of the column, the other names of the kinds, the directory of the ids Meta gives, a number of the demo, and an event's sample.
    expect(sources.filter(({ text }) => choices.test(text)).map(({ file }) => file)).toEqual([
      'src/modules/whatsapp/numbers/number-directory.ts',
      'src/modules/whatsapp/numbers/numbers.demo.ts',
      'src/modules/whatsapp/numbers/numbers.events.ts',
      'src/modules/whatsapp/numbers/whatsapp-number.entity.ts',
    ]);
  });
});

// --- the wall

/** Statements on tenant tables that do not name `organization_id`: how many in a file, and why. All others have to. */
const PAST_THE_WALL: Record<string, { why: string; statements: number }> = {
  'src/access/sessions.ts': { why: 'a token is met by its ids before its organization is known; sessions end by user', statements: 2 },
  'src/demo.ts': { why: 'the start: is there anybody at all, is the demo still here?', statements: 2 },
  'src/events/facts.metrics.ts': { why: "the operator's gauge, over all organizations", statements: 1 },
  'src/mail/after-restore.ts': { why: 'mails that wait in a restored backup, of all organizations', statements: 1 },
  'src/modules/audit/audit-store.ts': {
    why: 'rows that say whose they are',
    statements: 1,
  },
  'src/modules/auth/auth.service.ts': { why: 'login and refresh: met by e-mail or token, before an organization is known', statements: 1 },
  'src/modules/auth/super-admin.ts': { why: 'the first start makes the super admin', statements: 1 },
  'src/modules/conversations/messages/after-restore.ts': { why: 'a restored outbox, of all organizations', statements: 1 },
  'src/modules/users/mailed-tokens.ts': { why: 'a mailed token is met by its hash, before an organization is known', statements: 2 },
  'src/modules/users/users.presence.ts': {
    why: 'presence: whoever has no socket anywhere is offline, over all organizations',
    statements: 1,
  },
  'src/modules/whatsapp/media/keys-of-media.ts': { why: "a backup: every file of every organization's rows", statements: 1 },
  'src/modules/whatsapp/receipt/inbound-store.ts': { why: 'the receipt: events are claimed over all organizations', statements: 2 },
  'src/modules/conversations/inbox.metrics.ts': { why: "the operator's gauges, over all organizations", statements: 1 },
};

/** Statements that write another room's table, each with its reason. */
const FOREIGN_WRITES: Record<string, { why: string; tables: string[] }> = {
  'src/access/sessions.ts': {
    why: "the guards end sessions; auth, above them, opens them and has the tables' entities",
    tables: ['credentials', 'sessions'],
  },
  'src/access/last-uses.ts': {
    why: 'the guards note when a session or a key was last used; their rooms, above them, make them',
    tables: ['api_keys', 'sessions'],
  },
  'src/demo.ts': { why: 'furnishes every room of the demo organization', tables: ['whatsapp_number_secrets'] },
};

/** Statements that read another room's table: the files and their tables, by reason. What is easily asked of the room that has the table is asked there. */
const FOREIGN_READS: { why: string; files: Record<string, string[]> }[] = [
  {
    why: 'the guards look at a caller, their account and their organization at once; the rooms of these stand above them',
    files: {
      'src/access/api-keys.ts': ['api_key_secrets', 'api_keys', 'organizations', 'users'],
      'src/access/sessions.ts': ['credentials', 'organizations', 'sessions', 'two_factors', 'users'],
    },
  },
  {
    why: 'an account with its password and its organization in one look, before an actor is known',
    files: {
      'src/modules/auth/auth.service.ts': ['credentials', 'organizations', 'users'],
      'src/modules/auth/operator.ts': ['organizations', 'users'],
      'src/modules/auth/own-sessions.ts': ['users'],
      'src/modules/auth/recovery.ts': ['organizations', 'users'],
      'src/modules/auth/session-tokens.ts': ['credentials'],
      'src/modules/auth/super-admin.ts': ['organizations', 'users'],
      'src/modules/auth/two-factors.ts': ['credentials', 'organizations', 'users'],
    },
  },
  {
    why: 'the start, and the demo: is there anybody?',
    files: {
      'src/demo.ts': ['organizations', 'users'],
    },
  },
  {
    why: 'an example of a statement, in the document',
    files: {
      'src/modules/operations/telemetry/telemetry.dto.ts': ['contacts'],
    },
  },
  {
    why: 'what the organization has set, beside the rows it is for',
    files: {
      'src/mail/mails.ts': ['organizations'],
      'src/modules/conversations/auto-messages.ts': ['organizations', 'whatsapp_numbers'],
      'src/modules/conversations/state/rating.ts': ['organizations', 'queues'],
      'src/modules/notifications/notice-mails.ts': ['organizations', 'users'],
      'src/modules/notifications/notices.ts': ['organizations', 'users'],
      'src/modules/privacy/privacy.jobs.ts': ['organizations'],
      'src/modules/queues/queue-days.ts': ['conversations', 'organizations'],
    },
  },
  {
    why: 'an id is of this organization, or somebody may be what they are named for',
    files: {
      'src/modules/agent-skills/agent-skills.service.ts': ['users'],
      'src/modules/contacts/department-contacts.ts': ['departments'],
      'src/modules/notifications/notifications.service.ts': ['users'],
      'src/modules/privacy/subjects.ts': ['contacts', 'users'],
      'src/modules/users/user-departments.ts': ['department_agents'],
      'src/modules/whatsapp/numbers/numbers.service.ts': ['departments', 'queues'],
    },
  },
  {
    why: 'what a person has in every room',
    files: {
      'src/modules/privacy/compliance.ts': ['contacts'],
      'src/modules/privacy/forget-people.ts': ['messages'],
      'src/modules/privacy/pdf/personal-pdf.ts': ['contacts'],
      'src/modules/privacy/personal-export.ts': ['conversations', 'messages'],
    },
  },
  {
    why: 'filing decides on a message with all there is around it, in one statement for many',
    files: {
      'src/modules/conversations/contact-is-there.ts': ['contacts'],
      'src/modules/conversations/filing/menu-answers.ts': ['whatsapp_numbers'],
      'src/modules/conversations/filing/single-items.ts': ['contacts'],
      'src/modules/conversations/filing/statuses.ts': ['contacts'],
      'src/modules/conversations/filing/threads.ts': ['organizations', 'users'],
      'src/modules/conversations/state/locking.ts': ['contacts'],
      'src/modules/conversations/state/merging.ts': ['contact_identities', 'contacts'],
      'src/modules/conversations/state/traffic.ts': ['contact_identities', 'whatsapp_numbers'],
      'src/modules/conversations/stop-words.ts': ['contacts'],
    },
  },
  {
    why: 'sending reads a message, its person and its number in one statement',
    files: {
      'src/modules/conversations/messages/limit-resets.ts': ['whatsapp_numbers'],
      'src/modules/conversations/messages/outbound-statements.ts': ['contacts', 'whatsapp_numbers'],
      'src/modules/conversations/messages/read-receipts.jobs.ts': ['contacts'],
      'src/modules/conversations/messages/show-typing.ts': ['contacts', 'whatsapp_numbers'],
    },
  },
  {
    why: 'joins for a list, a figure or a notice: rows with the names and the work of what they belong to',
    files: {
      'src/modules/audit/audit-logs.service.ts': ['users'],
      'src/modules/contacts/contact-figures.ts': ['contact_tags'],
      'src/modules/conversations/contact-stats/contact-stats.service.ts': ['contacts'],
      'src/modules/conversations/conversation-views.ts': ['contacts', 'users', 'whatsapp_numbers'],
      'src/modules/conversations/figures/conversation-figures.ts': ['departments', 'users'],
      'src/modules/conversations/messages/search-messages.ts': ['contacts'],
      'src/modules/conversations/notices/absent-agents.ts': ['users'],
      'src/modules/conversations/notices/inbox-notices.ts': ['contacts'],
      'src/modules/conversations/search-conversations.ts': ['contacts'],
      'src/modules/departments/agent-summaries.ts': ['agent_skills', 'conversations', 'users'],
      'src/modules/departments/department-figures.ts': ['conversations', 'queues', 'users'],
      'src/modules/queues/queue-figures.ts': ['conversations'],
      'src/modules/queues/queue-notices.ts': ['conversations', 'messages', 'users'],
      'src/modules/queues/queue-reports.ts': ['conversations', 'department_agents', 'users'],
      'src/modules/queues/sla/sla-alerts.ts': ['contacts', 'conversations'],
      'src/modules/queues/waiting-line.ts': ['contacts', 'conversations'],
    },
  },
  {
    why: 'who waits, who may serve them and where, in one statement: a look at it is worth only its moment',
    files: {
      'src/modules/queues/entering.ts': ['conversations', 'departments', 'whatsapp_numbers'],
      'src/modules/queues/queues.realtime.ts': ['conversations'],
      'src/modules/queues/return-conversations.ts': ['conversations', 'organizations', 'users'],
      'src/modules/queues/routing/pull-conversation.ts': ['conversations'],
      'src/modules/queues/routing/route-queues.ts': ['conversations', 'departments'],
      'src/modules/queues/routing/routed-agents.ts': ['agent_skills', 'conversations', 'department_agents', 'users'],
      'src/modules/queues/routing/routed-department.ts': ['conversations', 'departments', 'organizations'],
      'src/modules/queues/routing/routed-queue.ts': ['conversations', 'departments', 'organizations'],
      'src/modules/queues/sla/sla-clock.ts': ['conversations'],
    },
  },
  {
    why: 'whether a number or a file is still in use',
    files: {
      'src/modules/whatsapp/media/media.service.ts': ['messages'],
      'src/modules/whatsapp/numbers/number-connections.ts': ['messages', 'outbound_sends'],
      'src/modules/whatsapp/numbers/number-directory.ts': ['organizations'],
    },
  },
  {
    why: "a webhook of a number has the number's address and token",
    files: {
      'src/modules/webhooks/webhook-secrets.ts': ['whatsapp_number_secrets'],
      'src/modules/webhooks/webhooks-of-numbers.ts': ['whatsapp_numbers'],
    },
  },
];

describe('the wall', () => {
  it('is passed by SQL only in the listed files, each with a reason', async () => {
    const { app } = await world();
    const tables = app
      .get(Database)
      .source.entityMetadatas.filter(({ columns }) => columns.some(({ databaseName }) => databaseName === 'organization_id'))
      .map(({ tableName }) => tableName);
    const names = new RegExp(`\\b(?:FROM|JOIN|INTO|UPDATE)\\s+(?:ONLY\\s+)?"?(?:${tables.join('|')})\\b`, 'i');
    expect(tables.length).toBeGreaterThan(10);

    const found: Record<string, number> = {};
    for (const { file, tree } of sources)
      each(tree, (node) => {
        if (!ts.isStringLiteral(node) && !ts.isNoSubstitutionTemplateLiteral(node) && !ts.isTemplateExpression(node)) return;
        const sql = node.getText();
        if (!names.test(sql)) return;
        if (!sql.includes('organization_id')) found[file] = (found[file] ?? 0) + 1;
        return false;
      });

    expect(found).toEqual(Object.fromEntries(Object.entries(PAST_THE_WALL).map(([file, { statements }]) => [file, statements])));
  });

  /** Tables of other rooms that statements name after these words, by file. */
  async function foreign(words: string): Promise<Record<string, string[]>> {
    const { app } = await world();
    const room = (file: string): string => /^src\/modules\/([^/]+)/.exec(file)?.[1] ?? /^src\/([^/]+)/.exec(file)?.[1] ?? '';
    const home = new Map<string, string>();
    for (const { tableName, target } of app.get(Database).source.entityMetadatas) {
      const name = typeof target === 'function' ? target.name : String(target);
      const entity = sources.find(({ file, tree }) => file.endsWith('.entity.ts') && tree.text.includes(`class ${name} `));
      home.set(tableName, room(entity?.file ?? ''));
    }
    const named = new RegExp(`\\b(?:${words})\\s+(?:ONLY\\s+)?"?(${[...home.keys()].join('|')})\\b`, 'gi');

    const found: Record<string, string[]> = {};
    for (const { file, tree } of sources)
      each(tree, (node) => {
        if (!ts.isStringLiteral(node) && !ts.isNoSubstitutionTemplateLiteral(node) && !ts.isTemplateExpression(node)) return;
        for (const [, table] of node.getText().matchAll(named))
          if (home.get(table) !== room(file)) found[file] = [...new Set([...(found[file] ?? []), table])].sort();
        return false;
      });
    return found;
  }

  it('lets only the files of its room write a table', async () => {
    const listed = Object.entries(FOREIGN_WRITES).map(([file, { tables }]) => [file, tables]);

    expect(await foreign('INSERT\\s+INTO|UPDATE|DELETE\\s+FROM')).toEqual(Object.fromEntries(listed));
  });

  it('has the statements of a room name its own tables; which others they read is listed, each with a reason', async () => {
    const listed = FOREIGN_READS.flatMap(({ files }) => Object.entries(files));

    expect(new Set(listed.map(([file]) => file)).size).toBe(listed.length);
    expect(await foreign('(?<!DELETE\\s+)FROM|JOIN|USING')).toEqual(Object.fromEntries(listed));
  });

  it('spells out what a prepared statement answers: one that says * fails when a migration adds a column', () => {
    const answerOf = (text: string): string => {
      let outside = text;
      for (let before = ''; before !== outside;) [before, outside] = [outside, outside.replace(/\([^()]*\)/g, '')];
      const returned =
        /\bRETURNING\b(.*)/s.exec(outside) ?? (/^\s*(?:WITH|SELECT)\b/.test(outside) ? /.*\bSELECT\b(.*)/s.exec(outside) : null);
      return returned?.[1] ?? '';
    };

    // What the statement itself has made has the columns it says.
    const isMade = (name: string, text: string): boolean =>
      new RegExp(`\\)\\s*(?:AS\\s+)?${name}\\b|\\b${name}\\s+AS\\s+(?:MATERIALIZED\\s+)?\\(`).test(text);

    const found = new Set<string>();
    for (const { file, tree } of sources)
      each(tree, (node) => {
        if (!ts.isCallExpression(node) || node.expression.getText() !== 'prepared') return;
        const text = node.arguments[0]
          .getText()
          .slice(1, -1)
          .replace(/\$\{[^}]*\}/g, 'made');
        for (const [, name] of answerOf(text).matchAll(/(?:^|,)\s*(?:(\w+)\.)?\*(?=\s*(?:,|FROM\b|$))/g))
          if (!name || !isMade(name, text)) found.add(file);
      });

    expect([...found]).toEqual([]);
  });

  it('changes a conversation in one place', () => {
    const found = new Set<string>();
    for (const { file, tree } of sources)
      each(tree, (node) => {
        if (!ts.isStringLiteral(node) && !ts.isNoSubstitutionTemplateLiteral(node) && !ts.isTemplateExpression(node)) return;
        if (/\b(?:INSERT\s+INTO|UPDATE)\s+conversations\b/.test(node.getText())) found.add(file);
        return false;
      });

    expect([...found].sort()).toEqual([
      'src/modules/conversations/state/departments.ts',
      'src/modules/conversations/state/merging.ts',
      'src/modules/conversations/state/moves.ts',
      'src/modules/conversations/state/queueing.ts',
      'src/modules/conversations/state/rating.ts',
      'src/modules/conversations/state/traffic.ts',
    ]);
  });

  it('has no other door: no plain repository, no query builder on a tenant table', () => {
    const allowed = [
      // The wall itself.
      'src/database/tenant-repository.ts',
      // Two stores behind one interface: every query starts from an equality on the organization, super admin aside.
      'src/modules/audit/audit-store.ts',
      // `organizations` is the tenant itself, not a tenant's row: the super admins' list of all; else it is met by the actor's own id.
      'src/modules/organizations/list-organizations.ts',
      'src/modules/organizations/organizations.service.ts',
      // A new user's password: `credentials` has no entity behind the wall.
      'src/modules/users/new-users.ts',
      // Yourself: met by your own id.
      'src/modules/users/users.service.ts',
    ];
    const doors =
      /InjectRepository|TypeOrmModule\.forFeature\(|getRepository\(|createQueryBuilder\(|\b[mM]anager\.(find|save|insert|update|delete|remove|upsert|count|exists)|getTreeRepository|extends Repository</;
    expect(sources.filter(({ text }) => doors.test(text)).map(({ file }) => file)).toEqual(allowed);
  });

  it('is not undone by `where` or `orWhere` on a query behind it', () => {
    const wrong: string[] = [];
    for (const { file, tree } of sources) {
      if (!file.startsWith('src/modules/')) continue;
      each(tree, (node) => {
        // Inside Brackets the wall stands outside.
        if (ts.isNewExpression(node) && node.expression.getText() === 'Brackets') return false;
        if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return;
        if (/^(where|orWhere)$/.test(node.expression.name.text)) wrong.push(file);
        return;
      });
    }
    // Neither stands behind the wall; see above.
    expect([...new Set(wrong)]).toEqual([
      'src/modules/audit/audit-store.ts',
      'src/modules/organizations/list-organizations.ts',
      'src/modules/organizations/organizations.service.ts',
    ]);
  });
});

// --- keys and references

/** Tables whose rows are met before their organization is known, or have none: keyed by themselves, each with its reason. */
const KEYS_OF_THEIR_OWN: Record<string, string> = {
  organizations: 'the tenant itself',
  sessions: 'a token names its session',
  api_key_secrets: 'a request brings a key and no organization',
  refresh_tokens: 'a token names itself, and has no organization but its session’s',
  login_failures: 'by an e-mail, whether it is somebody’s or not',
  inbound_events: 'kept before anybody knows whose it is; what nobody’s number is named in has no organization',
  audit_logs: 'who is nobody’s fails to log in too; append-only',
};

/** Unique indexes over all organizations, each with its reason. */
const UNIQUE_EVERYWHERE: Record<string, string> = {
  users_email_key: 'a login says an e-mail and no organization',
  users_id_key: 'a token names its user and no organization',
  mailed_tokens_hash_key: 'who brings a mailed token says nothing else',
  whatsapp_numbers_proved_key: 'one organization alone can prove a number of Meta’s',
  whatsapp_numbers_instance_key: 'the instances of all organizations have their names on one Evolution server',
  organizations_slug_key: 'the tenant itself',
  organizations_domain_key: 'the tenant itself',
};

/** Ids of rows of ours that are no references, each with its reason. */
const NO_REFERENCE: Record<string, string> = {
  'audit_logs.actor_id': 'append-only: it says who it was, whether they are there or not',
  'audit_logs.user_id': 'the same',
  'consents.subject_id': 'the proof stays when the contact or user is erased',
  'data_requests.subject_id': 'so does the receipt',
  'inbound_events.whatsapp_number_id':
    'a check locks the number’s row, and an acknowledgement waits for nobody; filing looks it up within its organization',
  'messages.campaign_id': 'no such room yet',
  'parked_items.inbound_event_id': 'says where it came from, longer than the webhook is kept',
  'secrets.chatbot_id': 'no such room yet',
  'refresh_tokens.session_id': 'neither has the organization in its key',
};

describe('the wall in the database', () => {
  const tables = async (): Promise<EntityMetadata[]> => (await world()).app.get(Database).source.entityMetadatas;

  it('begins every key with the organization', async () => {
    const others = (await tables()).filter(
      ({ primaryColumns }) => !primaryColumns.some(({ databaseName }) => databaseName === 'organization_id'),
    );
    expect(others.map(({ tableName }) => tableName).sort()).toEqual(Object.keys(KEYS_OF_THEIR_OWN).sort());

    const { sql } = await world();
    const keys = await sql<{ name: string }>(
      `SELECT indexrelid::regclass::text AS name FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
        WHERE i.indisunique AND NOT i.indisprimary AND t.relname = ANY($1)
          AND pg_get_indexdef(i.indexrelid, 1, true) <> 'organization_id'`,
      [(await tables()).map(({ tableName }) => tableName)],
    );
    expect(keys.map(({ name }) => name).sort()).toEqual(Object.keys(UNIQUE_EVERYWHERE).sort());
  });

  it('knows of every id what it refers to', async () => {
    const silent = (await tables()).flatMap(({ tableName, columns, foreignKeys, target }) =>
      columns
        .filter(({ type, databaseName }) => type === 'uuid' && databaseName.endsWith('_id') && databaseName !== 'organization_id')
        .filter((column) => !foreignKeys.some((key) => key.columns.includes(column)))
        .filter(({ databaseName }) => !unchecked.some(({ entity, column }) => entity === target && column === databaseName))
        .map(({ databaseName }) => `${tableName}.${databaseName}`),
    );
    expect(silent.sort()).toEqual(Object.keys(NO_REFERENCE).sort());
  });

  it('refers within the organization, and empties no more than the id', async () => {
    const { sql } = await world();
    const made = await sql<{ name: string; told: string }>(
      `SELECT conname AS name, pg_get_constraintdef(oid) AS told FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace ORDER BY 1`,
    );

    const declared = (await tables()).flatMap(({ foreignKeys }) =>
      foreignKeys.map(({ name, columnNames: [, column], referencedTablePath, onDelete }) => ({
        name,
        told:
          `FOREIGN KEY (organization_id, ${column}) REFERENCES ${referencedTablePath}(organization_id, id) ON DELETE ${onDelete}` +
          (onDelete === 'SET NULL' ? ` (${column})` : ''),
      })),
    );
    expect(made).toEqual(declared.sort((a, b) => (a.name < b.name ? -1 : 1)));
  });
});

// --- what each room owes

/** The columns a declaration names. */
const columnsOf = (rows: { erase: Forgetting; anonymize?: Forgetting; export: readonly string[] }): readonly string[] =>
  [rows.erase, rows.anonymize ?? 'delete']
    .flatMap((what) => (typeof what === 'object' && 'blank' in what ? what.blank : []))
    .concat(rows.export);

const SECRET_COLUMN =
  /passw|hash|secret|api_?key|token|credential|private|salt|signature|encrypted|sealed|hmac|cipher|pairing|qr_?code|recovery|otp/;

/** Columns that only sound so, each with its reason. */
const TOLD_ALL_THE_SAME: Record<string, string> = {
  'api_key_secrets.api_key_id': 'an id',
  'credentials.password_changed_at': 'a time',
  'credentials.token_version': 'a number',
  'secret_usage.secret_id': 'an id',
  'secret_versions.secret_id': 'an id',
  'suppressed_phones.phone_hmac': 'says no number without the key of the server',
  'webhooks.secret_hint': 'its last four letters',
  'whatsapp_number_secrets.access_token_hint': 'its last four letters',
};

describe('a room', () => {
  it('says of every table that names a contact, or a user, what becomes of it with them', async () => {
    const { app } = await world();
    const tables = app.get(Database).source.entityMetadatas.map(({ tableName, columns }) => ({
      tableName,
      columns: columns.map(({ databaseName }) => databaseName),
      ids: columns.filter(({ type }) => type === 'uuid').map(({ databaseName }) => databaseName),
    }));
    const naming = (whose: string, id: RegExp): string[] =>
      tables.filter(({ tableName, ids }) => tableName === whose || ids.some((name) => id.test(name))).map(({ tableName }) => tableName);

    expect([...contactRows.keys()].sort()).toEqual(naming('contacts', /(^|_)(contact|subject)_id$/).sort());
    expect([...userRows.keys()].sort()).toEqual(naming('users', /(^|_)(user|agent|subject)_id$/).sort());
    for (const [table, rows] of [...contactRows, ...userRows]) {
      const { columns = [] } = tables.find(({ tableName }) => tableName === table) ?? {};
      expect({ table, unknown: columnsOf(rows).filter((column) => !columns.includes(column)) }).toEqual({ table, unknown: [] });
    }
  });

  it('says itself what its permissions are about and which rate classes it has', () => {
    // Contract 10, 4 names them, those of rooms that are not built yet too.
    const resources =
      'messages conversations contacts campaigns flows chatbots automations whatsapp templates analytics users departments queues organization secrets webhooks erp ai privacy audit';
    expect(PERMISSION_RESOURCES.join(' ')).toBe(resources);
    expect(rolePermissions('viewer')).not.toContain('read:secrets');
    expect(rolePermissions('agent')).toEqual(expect.arrayContaining([...rolePermissions('viewer'), 'read:erp', 'delete:queues']));

    const declaring = sources.filter(({ text }) => /^(?:export const \w+ = )?(?:declarePermissions|declareRates)\(/m.test(text));
    const elsewhere = declaring.filter(({ file }) => !/^src\/modules\/[a-z-]+\/[a-z-]+\.access\.ts$/.test(file));
    expect(elsewhere.map(({ file }) => file)).toEqual(['src/config/rate-classes.ts']);
  });

  it('tells only events of the catalogue, which have a sentence, and sockets that hear them', () => {
    const events = eventCatalogue();
    const told = new Set(sources.filter(({ file }) => !file.endsWith('.events.ts')).flatMap(({ text }) => text.match(/'\w+\.\w+'/g) ?? []));

    expect(events.length).toBeGreaterThan(30);
    expect(events.filter(([name]) => !/^[a-z_]+\.[a-z_]+$/.test(name) || !told.has(`'${name}'`)).map(([name]) => name)).toEqual([]);
    expect(events.filter(([, { text }]) => !/^[A-Z][^.]+\.$/.test(text)).map(([name, { text }]) => `${name}: ${text}`)).toEqual([]);
    const heard = new Set(events.flatMap(([, { sockets = [] }]) => sockets));
    expect([...heard].sort()).toEqual(socketCatalogue().map(([name]) => name));
    // The compiler holds what is told, and every sample, to what is declared: nobody may declare a payload past it.
    const blocks = sources.flatMap(({ text }) => text.match(/declare module '#common\/events' \{[^}]*\}/g) ?? []);
    expect(blocks.filter((block) => !/\{\s*interface Events extends PayloadsOf<typeof [A-Z_]+> \{\s*\}/.test(block))).toEqual([]);
  });

  it('says which columns it seals, so that another key takes their texts along', async () => {
    const { app } = await world();
    const tables = new Map(app.get(Database).source.entityMetadatas.map(({ tableName, columns }) => [tableName, columns]));
    for (const [table, { columns, place, key_id }] of sealedColumns()) {
      const types = new Map(tables.get(table)?.map(({ databaseName, type }) => [databaseName, type]));
      expect({ table, types: columns.map((name) => types.get(name)) }).toEqual({ table, types: columns.map(() => 'text') });
      expect({ table, missing: [...place, ...(key_id ? [key_id] : [])].filter((name) => !types.has(name)) }).toEqual({
        table,
        missing: [],
      });
    }

    const room = (file: string): string => /^src\/(?:modules\/)?[^/]+/.exec(file)?.[0] ?? '';
    const said = new Set(sources.filter(({ text }) => /\bdeclareSealed\(\s*'/.test(text)).map(({ file }) => room(file)));
    const sealing = sources.filter(({ text }) => /\bencryption\b[\s\S]{0,20}\.encrypt\(/i.test(text)).map(({ file }) => file);
    // The demo's number; what is sealed again.
    const others = ['src/database/reseal.ts', 'src/demo.ts'];
    expect(sealing).toEqual(expect.arrayContaining([...others, 'src/modules/secrets/secret-values.ts']));
    expect(sealing.filter((file) => !others.includes(file) && !said.has(room(file)))).toEqual([]);
  });

  it('says of every column that sounds secret that no export has it', async () => {
    const { app } = await world();
    const { entityMetadatas } = app.get(Database).source;
    const exported = ['organizations', ...erasedTables(entityMetadatas).map(({ table }) => table)];
    const tables = entityMetadatas
      .filter(({ tableName }) => exported.includes(tableName))
      .map(({ tableName, columns }) => ({ tableName, columns: columns.map(({ databaseName }) => databaseName) }));
    const told = tables.flatMap(({ tableName, columns }) =>
      columns.filter((name) => SECRET_COLUMN.test(name) && !untoldColumns(tableName).has(name)).map((name) => `${tableName}.${name}`),
    );
    expect(told.sort()).toEqual(Object.keys(TOLD_ALL_THE_SAME).sort());

    for (const [table, { columns = [], instead = {} }] of untold()) {
      const known = tables.find(({ tableName }) => tableName === table)?.columns ?? [];
      const unknown = [...columns, ...Object.keys(instead)].filter((name) => !known.includes(name));
      expect({ table, unknown }).toEqual({ table, unknown: [] });
      for (const rows of [contactRows, userRows])
        expect((rows.get(table)?.export ?? []).filter((name) => untoldColumns(table).has(name))).toEqual([]);
    }
    for (const { file, text } of sources)
      for (const [, table] of text.matchAll(/\bdeclareUntold\(\s*'(\w+)'/g))
        expect({ file, beside: text.includes(`@Entity('${table}')`) }).toEqual({ file, beside: true });
  });

  it('says how long rows are kept beside their entity, and finds the oldest by an index', async () => {
    const { sql } = await world();
    const indexes = await sql<{ tablename: string; indexdef: string }>(
      "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    );
    for (const { table, oldest, where } of retentions()) {
      const found = indexes.some(({ tablename, indexdef }) => tablename === table && new RegExp(`\\(${oldest}\\b`).test(indexdef));
      expect({ table, oldest, found }).toEqual({ table, oldest, found: true });
      await sql(`EXPLAIN DELETE FROM ${table} WHERE ${where}`);
    }
    expect(retentions().length).toBeGreaterThan(5);
    for (const { file, text } of sources)
      for (const [, table] of text.matchAll(/\bdeclareRetention\(\s*'(\w+)'/g))
        expect({ file, beside: text.includes(`@Entity('${table}')`) }).toEqual({ file, beside: true });
  });
});

// --- transactions

describe('a transaction', () => {
  it('keeps to its own connection: a query past it is refused', async () => {
    const { app, acme } = await world();
    const database = app.get(Database);
    const outside = 'A query inside a transaction went to another connection';

    await expect(database.tx(() => database.source.query('SELECT 1'))).rejects.toThrow(outside);
    await expect(database.tx(() => database.tx(async () => undefined))).rejects.toThrow(outside);
    await expect(database.tx(() => database.repository(User).find(Actor.system(acme.id), acme.agent.user.id))).rejects.toThrow(outside);
    const after = await database.tx(async (tx) => {
      tx.afterCommit(() => database.source.query('SELECT 1'));
      return tx.manager.query<{ one: number }[]>('SELECT 1 AS one');
    });
    expect(after).toEqual([{ one: 1 }]);
  });

  it('names itself in every query that is written inside it', () => {
    const wrong: string[] = [];
    for (const { file, tree } of sources)
      each(tree, (node) => {
        if (!ts.isCallExpression(node) || !/\b(database|this\.database)\.tx$/.test(node.expression.getText())) return;
        each(node.arguments[0], (inner) => {
          // What is told after the commit is no longer inside.
          if (ts.isCallExpression(inner) && /\bafterCommit$/.test(inner.expression.getText())) return false;
          if (!ts.isCallExpression(inner)) return;
          const called = inner.expression.getText();
          if (/\bdatabase\.source\b/.test(called) || (/\bdatabase\.(repository|tx)$/.test(called) && inner.arguments.length < 2))
            wrong.push(`${file}: ${inner.getText().slice(0, 60)}`);
          return;
        });
      });
    expect(wrong).toEqual([]);
  });
});

// --- access

/** `PUT contacts/:contact_id`, `updateContact`: a door that writes; null: it reads. */
function writingDoor({ route, field }: Handler): string | null {
  if (field) return field.root === 'Mutation' ? field.name : null;
  const method = RequestMethod[route?.method ?? 0];
  return method === 'GET' ? null : `${method} ${route?.path.replace(/\/+$/, '')}`;
}

/** Doors that write and leave no entry in the audit log, each with its reason. */
const UNAUDITED: Record<string, string> = {
  'POST whatsapp/webhook': 'Meta’s door: what a customer writes is no act of ours, and it comes by the thousand',
  'POST whatsapp/webhook/evolution/:webhook_token': 'Evolution’s, for the same reason',
  'POST whatsapp/webhook/evolution/:webhook_token/:event_slug': 'the same',
  'POST conversations/:conversation_id/read': 'looking: all day long, and nothing is lost by it',
  'PUT whatsapp/messages/:message_id/read': 'the same',
  markConversationRead: 'the same',
};

/** Doors whose entry is only the interceptor's, under the name of their handler, each with its reason. */
const BY_THE_NET: Record<string, string> = {};

describe('every door', () => {
  it('that writes does an act of which its service speaks in the audit log', async () => {
    const { app } = await world();
    const writing = handlersOf(app).flatMap((handler) => {
      const door = writingDoor(handler);
      return door ? [{ door, audited: Reflect.getMetadata(AUDIT, handler.handler) !== false }] : [];
    });
    const doors = (audited: boolean): string[] => writing.filter((one) => one.audited === audited).map(({ door }) => door);
    // audit.spec does each of them, and finds what the service calls it.
    const spoken = ACTS.flatMap(({ rest, mutation }) => [rest, ...(mutation ? [mutation] : [])]);

    expect(doors(true).filter((door) => !spoken.includes(door))).toEqual(Object.keys(BY_THE_NET));
    expect(doors(false).sort()).toEqual(Object.keys(UNAUDITED).sort());
  });

  it('says its role or @Public()', async () => {
    const { app } = await world();
    const doors = handlersOf(app).filter(({ route, field }) => route || field?.root);
    const silent = doors.filter(
      ({ handler, metatype }) =>
        ![handler, metatype].some((target) => Reflect.hasMetadata(PUBLIC, target) || Reflect.hasMetadata(ALLOW, target)),
    );

    expect(doors.length).toBeGreaterThan(80);
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it('takes ids and validated classes in GraphQL, no loose scalars', async () => {
    const { app } = await world();
    const rules = getMetadataStorage();
    const taken = handlersOf(app).flatMap(({ name, field, inputs }) => (field ? inputs.map((input) => ({ handler: name, ...input })) : []));
    const loose = taken.filter(
      ({ type, pipes }) => !pipes.includes(Uuid) && !rules.getTargetValidationMetadatas(type, '', false, false).length,
    );

    expect(taken.length).toBeGreaterThan(40);
    expect(loose.map(({ handler, name }) => `${handler}: ${name}`)).toEqual([]);
  });

  it('counts in the rate class of its twin', async () => {
    const { app } = await world();
    const doors = handlersOf(app).flatMap(({ name, field, route, handler, inputs }) =>
      inputs.map(({ type }) => ({
        name,
        type,
        is_field: !!field,
        is_route: !!route,
        rate: Reflect.getMetadata(RATE_CLASS, handler) as unknown,
      })),
    );
    const twins = doors
      .filter(({ is_field, type }) => is_field && type !== String)
      .flatMap((field) => doors.filter(({ is_route, type }) => is_route && type === field.type).map((route) => ({ field, route })));

    expect(twins.length).toBeGreaterThan(10);
    expect(twins.filter(({ field, route }) => field.rate !== route.rate).map(({ field, route }) => `${field.name}, ${route.name}`)).toEqual(
      [],
    );
  });

  it('is in the OpenAPI document with a role, a rate class, a summary and an id of its own', async () => {
    const operations = routesOf(await openApi());

    expect(operations.filter(({ operation }) => !operation['x-role'] || !operation['x-rate-limit'] || !operation.summary)).toEqual([]);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^\w+$/.test(id))).toEqual([]);
    for (const { operation } of operations)
      expect({ id: operation.operationId, closed: '401' in operation.responses && '403' in operation.responses }).toEqual({
        id: operation.operationId,
        closed: operation['x-role'] !== 'public' || ('401' in operation.responses && '403' in operation.responses),
      });
  });
});

// --- what is answered

async function openApi(): Promise<OpenAPIObject> {
  const { app, env } = await world();
  return openApiOf(app, env);
}

const SECRET = /passw|hash|secret|api_?key|token|credential|private|salt|signature/i;

/** Fields that only sound so, or are what the route is for. */
const NOT_SECRET: Record<string, string> = {
  'Token.access_token': 'login answers it',
  'Token.refresh_token': 'login answers it',
  'Token.token_type': '"bearer"',
  'AuthResponse.token': 'login answers it',
  'AuthResponse.access_token': 'login answers it',
  'AuthResponse.refresh_token': 'login answers it',
  'AuthResponse.token_type': '"bearer"',
  'LoginResponse.access_token': 'login answers it',
  'LoginResponse.refresh_token': 'login answers it',
  'LoginResponse.token_type': '"bearer"',
  'LoginResponse.token': 'login answers it',
  'RegisterResponse.access_token': 'register answers it',
  'RegisterResponse.refresh_token': 'register answers it',
  'RegisterResponse.token_type': '"bearer"',
  'RegisterResponse.token': 'register answers it',
  'SecuritySettings.password_min_length': 'a number',
  'PlanLimits.max_api_keys': 'a number',
  'PlanLimits.max_secrets': 'a number',
  'PlanUsage.api_keys': 'a number',
  'PlanUsage.secrets': 'a number',
  'TwoFactorSetup.secret': 'what the route is for: it goes into the app of who asks, and is shown nowhere else',
  'WhatsAppNumber.webhook_verify_token': "shown to administrators alone (null to others): they copy it into Meta's form (contract 20 §5)",
  'WhatsAppNumber.has_access_token': 'whether there is one',
  'WhatsAppNumber.has_app_secret': 'whether there is one',
  'WhatsAppNumber.has_evolution_api_key': 'whether there is one',
  'SecretUsageStats.secret_id': 'an id',
  'SecretUsageStats.secret_name': 'its key',
  'WebhookWithSecret.secret': 'shown this once, to who made it: their receiver verifies with it (contract 20 §9)',
  'WebhookWithSecret.secret_hint': 'its last four letters',
  'Webhook.secret_hint': 'its last four letters',
  'WhatsAppNumber.access_token_hint': 'its last four letters (contract 20 §5)',
};

describe('answers', () => {
  it('have no secret-sounding field in REST', async () => {
    const document = await openApi();
    const schemas = (document.components?.schemas ?? {}) as Record<string, Schema>;
    const suspicious = new Set<string>();
    const seen = new Set<string>();
    const walk = (schema: Schema | undefined, owner: string): void => {
      if (!schema) return;
      const name = schema.$ref?.split('/').pop();
      if (name) {
        if (seen.has(name)) return;
        seen.add(name);
        return walk(schemas[name], name);
      }
      for (const part of [...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) walk(part, owner);
      walk(schema.items, owner);
      if (typeof schema.additionalProperties === 'object') walk(schema.additionalProperties, owner);
      for (const [field, property] of Object.entries(schema.properties ?? {})) {
        if (SECRET.test(field)) suspicious.add(`${owner}.${field}`);
        walk(property, owner);
      }
    };
    for (const { operation } of routesOf(document))
      for (const response of Object.values(operation.responses))
        for (const { schema } of Object.values(response.content ?? {})) walk(schema, operation.operationId);

    expect(seen.size).toBeGreaterThan(20);
    expect([...suspicious].filter((field) => !NOT_SECRET[field])).toEqual([]);
  });

  it('have no secret-sounding field in GraphQL', async () => {
    const suspicious = Object.values((await graph()).getTypeMap())
      .filter(isObjectType)
      .filter(({ name }) => !name.startsWith('__') && !['Query', 'Mutation', 'Subscription'].includes(name))
      .flatMap(({ name, getFields, ...type }) =>
        Object.keys(getFields.call(type))
          .filter((field) => SECRET.test(field))
          .map((field) => `${name}.${field}`),
      );
    expect(suspicious.filter((field) => !NOT_SECRET[field])).toEqual([]);
  });

  it('name every noun of REST in GraphQL too', async () => {
    const schema = await graph();
    const answered = new Set<string>();
    const collect = (type: GraphQLOutputType): void => {
      const named: GraphQLNamedType = getNamedType(type);
      if (!isObjectType(named) || answered.has(named.name)) return;
      answered.add(named.name);
      for (const field of Object.values(named.getFields())) collect(field.type);
    };
    for (const type of [schema.getQueryType(), schema.getMutationType()])
      for (const field of Object.values(type?.getFields() ?? {})) collect(field.type);

    // A noun: what GET /…/{id} or GET /…/me answers.
    const nouns = routesOf(await openApi())
      .filter(({ path, method }) => method === 'get' && path.startsWith('/api/v1/') && /(\{\w+\}|\/me)$/.test(path))
      .map(({ operation }) =>
        Object.values(operation.responses['200']?.content ?? {})[0]
          ?.schema?.$ref?.split('/')
          .pop(),
      )
      .filter((name): name is string => name !== undefined);
    // The contract names some otherwise in the graph.
    const called: Record<string, string> = {
      UserProfile: 'User',
      MeResponse: 'User',
      MessageResponse: 'Message',
      TemplateResponse: 'WhatsAppTemplate',
      ConsentPage: 'Consent',
      AuditEntryPage: 'AuditEntry',
    };

    expect(nouns.length).toBeGreaterThan(5);
    // A file comes by REST alone, and so does what became of it.
    const rest_only = ['ContactImport'];
    expect([...new Set(nouns)].filter((name) => !answered.has(called[name] ?? name))).toEqual(rest_only);
  });
});

async function graph(): Promise<GraphQLSchema> {
  const { app } = await world();
  return app.get(GraphQLSchemaHost).schema;
}

// --- the database

describe('migrations', () => {
  const database = `pytake_spec_${randomUUID().slice(0, 13)}`;
  let source: DataSource;

  beforeAll(async () => {
    const url = await cloneDatabase(database);
    source = await new DataSource(dataSourceOptions({ database_url: url, database_pool_size: 2 })).initialize();
  });
  afterAll(async () => {
    await source?.destroy();
    const { sql } = await world();
    await sql(`DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`);
  });

  const difference = async (): Promise<string[]> => (await source.driver.createSchemaBuilder().log()).upQueries.map(({ query }) => query);
  const shape = async (): Promise<unknown[]> =>
    source.query(
      `SELECT table_name, column_name, data_type, column_default, is_nullable FROM information_schema.columns WHERE table_schema = 'public'
       UNION ALL SELECT tablename, indexname, indexdef, NULL, NULL FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2`,
    );

  it('are sealed: one that was merged never changes, and the start knows what they make', async () => {
    // Yours is new, or the schema changed with it? `npm run migration:seal` writes both down.
    expect(sealed.migrations).toEqual(migrationChecksums());
    expect(sealed.schema).toEqual(await schemaLines(source));
  });

  it('make the tables what the entities are', async () => {
    expect(await source.showMigrations()).toBe(false);
    expect(await difference()).toEqual([]);
  });

  it('make the indexes TypeORM cannot describe', async () => {
    const declared = source.entityMetadatas.flatMap(({ indices }) =>
      indices.filter(({ synchronize }) => !synchronize).map(({ name }) => name),
    );
    const made = await source.query<{ indexname: string }[]>("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'");

    expect(declared.filter((name) => !made.some(({ indexname }) => indexname === name))).toEqual([]);
  });

  it('go back, one by one, and forth again to the same shape', async () => {
    const before = await shape();
    for (let left = source.migrations.length; left; left--) await source.undoLastMigration();
    const remaining = await source.query<{ table_name: string }[]>(
      "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
    );
    expect(remaining.map(({ table_name }) => table_name)).toEqual(['migrations']);

    await source.runMigrations();

    expect(await shape()).toEqual(before);
    expect(await difference()).toEqual([]);
  });
});

// --- the code

describe('the code', () => {
  it('reads process.env in src/config only', () => {
    const readers = sources
      .filter(({ file, text }) => !file.startsWith('src/config/') && /process\.env\b/.test(text))
      .map(({ file }) => file);
    // Entry points hand the whole environment to Config.
    expect(readers).toEqual(['src/admin.ts', 'src/backup.ts', 'src/main.ts', 'src/migrate.ts', 'src/modules/simulator/simulator.main.ts']);
  });

  it('hands out bytes from outside in one way', () => {
    const ways = /StreamableFile|\.attachment\(|\b(?:response|res)\.download\(|content-disposition/i;
    expect(sources.filter(({ text }) => ways.test(text)).map(({ file }) => file)).toEqual(['src/api/answer-file.ts']);
  });

  it('leans on the inside of one pg, the one that is installed', () => {
    const readJson = (file: string): { version: string; dependencies: Record<string, string> } =>
      JSON.parse(readFileSync(join(root, file), 'utf8')) as { version: string; dependencies: Record<string, string> };
    // Another one? Read its lib/query.js beside src/database/prepared-query.ts first, and say its number there and here.
    expect(readJson('node_modules/pg/package.json').version).toBe('8.23.1');
    expect(readJson('package.json').dependencies['pg']).toBe('8.23.1');
    expect(sources.find(({ file }) => file === 'src/database/prepared-query.ts')?.text).toContain('(8.23.1, lib/query.js)');
  });

  it('has no `any` and no `!` to silence', () => {
    const found: string[] = [];
    for (const { file, tree } of sources)
      each(tree, (node) => {
        if (node.kind === ts.SyntaxKind.AnyKeyword || ts.isNonNullExpression(node))
          found.push(`${file}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`);
      });
    expect(found).toEqual([]);
  });

  it('never synchronizes the schema', () => {
    expect(sources.filter(({ text }) => /synchronize: true/.test(text)).map(({ file }) => file)).toEqual([]);
  });

  it('carries no TODO and no commented-out import', () => {
    expect(sources.filter(({ text }) => /\b(TODO|FIXME|XXX)\b|^\s*\/\/ import /m.test(text)).map(({ file }) => file)).toEqual([]);
  });
});
