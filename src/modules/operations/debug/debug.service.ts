import { Injectable } from '@nestjs/common';
import type { AppRequest } from '#access/request';
import type { Actor } from '#common/actor';
import { NotFound } from '#common/errors';
import type { JsonObject } from '#common/json.scalar';
import { MASK, isSecretName, maskSecrets, scrubText } from '#common/mask';
import { pageOfList } from '#common/page-of-list';
import type { Page, PageQuery } from '#common/page.dto';
import { Config } from '#config/config';
import { VERSION } from '#config/version';
import { Database } from '#database/database';
import { Jobs } from '#jobs/jobs';
import { Mailer } from '#mail/mailer';
import type { RealtimeEvent } from '#realtime/realtime.events';
import { RealtimeHub } from '#realtime/realtime.hub';
import type {
  DebugConfig,
  DebugEcho,
  DebugEmail,
  DebugEmailQuery,
  DebugEvent,
  DebugInfo,
  DebugJobs,
  DebugJobsQuery,
  DebugRoute,
} from './debug.dto';
import { Routes } from './routes';

/** What a developer wants to know of the process. */
@Injectable()
export class DebugService {
  constructor(
    private readonly config: Config,
    private readonly jobs: Jobs,
    private readonly mailer: Mailer,
    private readonly hub: RealtimeHub,
    private readonly routes: Routes,
    private readonly database: Database,
  ) {}

  info(): DebugInfo {
    const { rss, heapTotal, heapUsed } = process.memoryUsage();
    const { commit, demo, docs_enabled, rate_limit_enabled, registration_enabled, simulator_enabled, database_endpoints_enabled } =
      this.config;
    return {
      version: VERSION,
      commit,
      node: process.version,
      memory: { rss_bytes: rss, heap_total_bytes: heapTotal, heap_used_bytes: heapUsed },
      uptime_seconds: Math.floor(process.uptime()),
      features: {
        demo,
        docs: docs_enabled,
        rate_limits: rate_limit_enabled,
        registration: registration_enabled,
        simulator: simulator_enabled,
        database: database_endpoints_enabled,
        mail: this.config.mail_driver !== 'none',
      },
    };
  }

  settings(): DebugConfig {
    return { values: shown({ ...this.config }) as JsonObject };
  }

  pageOfRoutes(query: PageQuery): Page<DebugRoute> {
    return pageOfList(this.routes.all(), query, { search: ['path', 'role'], sort: ['path', 'method', 'role'] });
  }

  echo(actor: Actor, { method, originalUrl, query, headers, ip }: AppRequest): DebugEcho {
    return {
      method,
      path: originalUrl.split('?')[0],
      query: { ...query },
      headers: maskSecrets(headers) as JsonObject,
      ip: ip ?? null,
      user: { id: actor.user_id, organization_id: actor.organization_id, role: actor.role },
    };
  }

  async jobsOf({ queue, status, limit = 20 }: DebugJobsQuery): Promise<DebugJobs> {
    const queues = await Promise.all(
      this.jobs.all().map(async (one) => {
        const { dead: failed, ...counts } = await one.counts();
        const recent = failed ? await one.buriedJobs(limit) : [];
        const recent_failed = recent.map(({ failed_reason, ...job }) => ({ ...job, failed_reason: scrubText(failed_reason) }));
        return { queue: one.name, ...counts, completed: 0, failed, recent_failed };
      }),
    );
    return { queues: queues.filter((one) => (queue === undefined || one.queue === queue) && (status === undefined || one[status] > 0)) };
  }

  /** @throws {NotFound} Mails leave: none is kept here. */
  pageOfMails({ to, ...query }: DebugEmailQuery): Page<DebugEmail> {
    if (this.config.mail_driver !== 'memory')
      throw new NotFound('Mails', 'not_found', `No mails are kept here: MAIL_DRIVER is ${this.config.mail_driver}; memory keeps them.`);
    const mails = this.mailer.lastMails().filter((mail) => to === undefined || mail.to.toLowerCase() === to.toLowerCase());
    return pageOfList(mails, query, { search: ['to', 'subject', 'text'], sort: ['created_at', 'to', 'subject'] });
  }

  /** Tells the caller's own sockets, and nobody else's. */
  async tell(actor: Actor, { event, payload }: DebugEvent): Promise<void> {
    const { user_id, home_organization_id, organization_id } = actor;
    await this.database.tx(async (tx) => {
      tx.audit(actor, 'debug.event_sent', { resource: { id: user_id ?? organization_id, name: event } });
      // A name of the caller's choice: what their client does with it is what they want to see.
      tx.afterCommit(() =>
        this.hub.publish({
          organization_id: home_organization_id ?? organization_id,
          event: event as RealtimeEvent,
          data: payload as never,
          user_id: user_id ?? undefined,
        }),
      );
    });
  }
}

/** Settings as they may be seen: no secret, which is a text or bytes and neither a number nor a limit of requests, and no address with a login or a token in it. */
const shown = (settings: object): unknown =>
  maskSecrets(settings, {
    text: withoutLogin,
    hide: (name, value) => (Buffer.isBuffer(value) || (isText(value) && (isSecretName(name) || name === 'key')) ? MASK : undefined),
  });

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';

const withoutLogin = (text: string): string =>
  text.replace(/(:\/\/)[^/\s]*@/, '$1').replace(/([?&][\w.-]*(?:pass|secret|token|key)[\w.-]*=)[^&]*/gi, `$1${MASK}`);
