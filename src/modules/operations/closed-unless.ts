import { type CanActivate, Injectable } from '@nestjs/common';
import { noSuchRoute } from '#api/errors.filter';
import { Config } from '#config/config';

/** Opens /database where DATABASE_ENDPOINTS_ENABLED says so; closed is not there. Stands behind the role: who is no super admin learns nothing. */
@Injectable()
export class DatabaseEnabled implements CanActivate {
  constructor(private readonly config: Config) {}

  canActivate(): boolean {
    if (!this.config.database_endpoints_enabled) throw noSuchRoute(this.config);
    return true;
  }
}

/** Opens what production has not, whatever its settings say: questions to other databases. */
@Injectable()
export class NotInProduction implements CanActivate {
  constructor(private readonly config: Config) {}

  canActivate(): boolean {
    if (this.config.production) throw noSuchRoute(this.config);
    return true;
  }
}

/** Opens /debug where DEBUG_ENDPOINTS_ENABLED says so, and never in production. */
@Injectable()
export class DebugEnabled implements CanActivate {
  constructor(private readonly config: Config) {}

  canActivate(): boolean {
    if (this.config.production || !this.config.debug_endpoints_enabled) throw noSuchRoute(this.config);
    return true;
  }
}
