import { Injectable, type OnModuleInit } from '@nestjs/common';
import { knowTimeZones } from '#common/fields';
import { Database } from './database';

/** Which time zones PostgreSQL computes with: those of its own tz data, which need not be Node's. */
@Injectable()
export class TimeZones implements OnModuleInit {
  constructor(private readonly database: Database) {}

  async onModuleInit(): Promise<void> {
    const zones = await this.database.rows<{ name: string }>('SELECT name FROM pg_timezone_names');
    knowTimeZones(zones.map(({ name }) => name));
  }
}
