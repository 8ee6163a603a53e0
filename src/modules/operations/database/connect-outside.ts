import { lookup } from 'node:dns/promises';
import { Injectable } from '@nestjs/common';
import type { Actor } from '#common/actor';
import { EgressClient } from '#common/egress';
import { Invalid } from '#common/errors';
import { Config } from '#config/config';
import { SecretsService } from '#modules/secrets/secrets.service';
import type { ConnectionConfig, ConnectionType } from './database.dto';
import { OutsideFailure, type Target } from './outside-database';

const PORTS: Record<ConnectionType, number> = { postgres: 5432, mysql: 3306, mongodb: 27017 };

/** Judges where a super admin wants to go, and finds the password. */
@Injectable()
export class ConnectOutside {
  constructor(
    private readonly config: Config,
    private readonly egress: EgressClient,
    private readonly secrets: SecretsService,
  ) {}

  /**
   * @throws {Invalid} 422: the driver is not installed; `url_not_allowed`: a private address, or a store of ours.
   * @throws {NotFound} The secret is not in this organization.
   * @throws {OutsideFailure} The host is not known.
   */
  async target(actor: Actor, config: ConnectionConfig): Promise<Target> {
    const { connection_type: kind, host, database, username, ssl = false } = config;
    if (kind === 'mysql') throw wrong('connection_type', 'The driver of mysql is not installed.');
    const port = config.port ?? PORTS[kind];
    const exempt = this.config.database_allow_private_hosts;
    const address = await this.egress.addressOf(host, port, 'config.host', exempt).catch((error: unknown) => {
      throw error instanceof Invalid ? wrong('host', error.message, 'url_not_allowed') : error;
    });
    if (address === null) throw new OutsideFailure('The host is not known.');
    if (!exempt && (await this.isOurs(host, address, port))) throw wrong('host', 'This is a store of PyTake itself.', 'url_not_allowed');
    const password = config.secret_id === undefined ? config.password : (await this.secrets.value(actor, config.secret_id)).value;
    return { address, port, host, database, username, password, ssl };
  }

  /** Tokens and hashes of every organization stand there, whoever asks. */
  private async isOurs(host: string, address: string, port: number): Promise<boolean> {
    const { database_url, database_owner_url, redis_url, mongodb_url } = this.config;
    const postgres = [...placesIn(database_url, 5432), ...placesIn(database_owner_url, 5432)];
    for (const store of [...postgres, ...placesIn(redis_url, 6379), ...placesIn(mongodb_url, 27017)]) {
      if (store.port !== port) continue;
      const addresses = await lookup(store.host, { all: true }).catch(() => []);
      if (store.host === host.toLowerCase() || addresses.some((one) => one.address === address)) return true;
    }
    return false;
  }
}

/** Every host a connection string names: MongoDB's may be several. */
function placesIn(url: string | null, port: number): { host: string; port: number }[] {
  const [, hosts = ''] = /^[\w+]+:\/\/(?:[^@/]*@)?([^/?]*)/.exec(url ?? '') ?? [];
  return hosts.split(',').flatMap((place) => {
    const parsed = URL.canParse(`http://${place}`) ? new URL(`http://${place}`) : null;
    return parsed ? [{ host: parsed.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(parsed.port || port) }] : [];
  });
}

const wrong = (field: string, msg: string, error_code: 'validation_error' | 'url_not_allowed' = 'validation_error'): Invalid =>
  new Invalid([{ loc: ['body', 'config', field], msg, type: 'value_error' }], error_code, msg);
