import { evolutionRoutes } from './evolution/evolution.routes';
import { graphRoutes } from './graph.routes';
import { phoneRoutes } from './phone.routes';
import { Simulation } from './simulation';

/** A fake Meta and a fake Evolution API with their doors. */
export class GraphSimulator extends Simulation {
  /** `/{version}/...`, as under https://graph.facebook.com. */
  readonly graph = graphRoutes(this);
  /** `/instance/*`, `/message/*`, `/chat/*`, `/webhook/*`, as under EVOLUTION_API_URL. */
  readonly evolutionApi = evolutionRoutes(this.evolution);
  /** `/control/*` for scripts, `/phone/*` for the page. */
  readonly api = phoneRoutes(this);
}
