import { type DynamicModule, Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { MongooseModule } from '@nestjs/mongoose';
import { Sessions } from '#access/sessions';
import { EventsModule } from '#common/events';
import { Config } from '#config/config';
import { ConfigModule } from '#config/config.module';
import { DatabaseModule } from '#database/database.module';
import { MongoModule } from '#database/mongo.module';
import { AuditLog } from '#modules/audit/audit-log.entity';
import { AuditLogSchema } from '#modules/audit/audit-log.schema';
import { AuditService } from '#modules/audit/audit.service';
import { AuditStore } from '#modules/audit/audit-store';
import { Operator } from '#modules/auth/operator';
import { SuperAdmin } from '#modules/auth/super-admin';
import { OrganizationsService } from '#modules/organizations/organizations.service';
import { LoginLocks } from '#modules/users/login-locks';
import { Passwords } from '#modules/users/passwords';
import { UsersService } from '#modules/users/users.service';
import { ObservabilityModule } from '#observability/observability.module';

/** The services of the first floor alone, for a command: no door, no job, no socket. */
@Module({})
export class AdminModule {
  static forRoot(config: Config): DynamicModule {
    return {
      module: AdminModule,
      imports: [
        ConfigModule.forRoot(config),
        EventsModule,
        ObservabilityModule,
        DatabaseModule,
        MongoModule,
        JwtModule.register({}),
        MongooseModule.forFeature([{ name: AuditLog.name, schema: AuditLogSchema }]),
      ],
      providers: [Sessions, AuditService, AuditStore, OrganizationsService, UsersService, Passwords, LoginLocks, SuperAdmin, Operator],
    };
  }
}
