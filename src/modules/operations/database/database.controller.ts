import { Body, Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { Allow, Caller, PeopleOnly, RateClass } from '#access/decorators';
import type { Actor } from '#common/actor';
import { Bodies, Room } from '#common/room';
import { DatabaseEnabled, NotInProduction } from '../closed-unless';
import {
  ConnectionTestRequest,
  ConnectionTestResult,
  DatabaseStats,
  DatabaseStatus,
  MigrationStatus,
  QueryRequest,
  QueryResponse,
} from './database.dto';
import { DatabaseService } from './database.service';

const reports = {
  connection_type: 'postgres',
  host: 'reports.invalid',
  database: 'reports',
  username: 'reader',
  password: 'only for reading',
};

@Room(
  'database',
  'For operators: how the stores are, and questions that only read to other databases. There only where `DATABASE_ENDPOINTS_ENABLED` says so.',
)
@Controller('database')
@Allow('super_admin')
@PeopleOnly()
@UseGuards(DatabaseEnabled)
export class DatabaseController {
  constructor(private readonly database: DatabaseService) {}

  /**
   * How PostgreSQL, Redis and MongoDB are.
   * @throws {404} Closed in this installation.
   */
  @Get('status')
  status(): Promise<DatabaseStatus> {
    return this.database.status();
  }

  /**
   * How large the database and its tables are.
   * @throws {404} Closed in this installation.
   */
  @Get('stats')
  stats(): Promise<DatabaseStats> {
    return this.database.stats();
  }

  /**
   * Which migrations ran, and which are pending.
   * @throws {404} Closed in this installation.
   */
  @Get('migrations')
  migrations(): Promise<MigrationStatus> {
    return this.database.migrations();
  }

  /**
   * Test the connection to another database. One that fails is an answer too.
   * @throws {404} Closed in this installation, or the secret is not in this organization.
   * @throws {409} The secret is switched off (`secret_inactive`).
   * @throws {422} Also a driver that is not installed; a host in a private network, or a store of PyTake itself (`url_not_allowed`).
   */
  @Post('test-connection')
  @HttpCode(200)
  @RateClass('database_query')
  @Bodies({ 'a PostgreSQL': { config: reports }, 'a MongoDB': { config: { ...reports, connection_type: 'mongodb', ssl: true } } })
  testConnection(@Caller() actor: Actor, @Body() { config }: ConnectionTestRequest): Promise<ConnectionTestResult> {
    return this.database.testConnection(actor, config);
  }

  /**
   * Ask another database, reading only: one statement in a read-only transaction, within a time, a number of rows, and 1 MB.
   * @throws {404} Closed in this installation, and in production; or the secret is not in this organization.
   * @throws {409} The secret is switched off (`secret_inactive`).
   * @throws {422} Also a statement that does more than read; as for a connection test.
   */
  @Post('execute-query')
  @HttpCode(200)
  @UseGuards(NotInProduction)
  @RateClass('database_query')
  @Bodies({
    'a PostgreSQL': {
      config: reports,
      query: 'SELECT id, total FROM orders WHERE status = :status ORDER BY created_at DESC',
      parameters: [{ name: 'status', value: 'open' }],
      timeout: 5,
      max_rows: 50,
    },
    'a MongoDB': {
      config: { ...reports, connection_type: 'mongodb' },
      query: '{"find": "orders", "filter": {"status": "open"}, "sort": {"total": -1}}',
    },
  })
  executeQuery(@Caller() actor: Actor, @Body() input: QueryRequest): Promise<QueryResponse> {
    return this.database.query(actor, input);
  }
}
