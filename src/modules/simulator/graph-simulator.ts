import { graphRoutes } from './graph.routes';
import { phoneRoutes } from './phone.routes';
import { Simulation } from './simulation';

/** A fake Meta with its doors. */
export class GraphSimulator extends Simulation {
  /** `/{version}/...`, as under https://graph.facebook.com. */
  readonly graph = graphRoutes(this);
  /** `/control/*` for scripts, `/phone/*` for the page. */
  readonly api = phoneRoutes(this);
}
