import { withheldRoutes } from '../controller/route-state.ts';
import type { Log } from '../lib/log.ts';
import { describeMatch } from '../model/describe.ts';
import type { RoutingTable } from '../model/route.ts';

/** So many are named in one line. */
const NAMED = 10;

/** Logs which routes of a served table (fitted to its proxy) answer 503, each time that these become others. */
export function withheldTeller({ log, proxy }: { readonly log: Log; readonly proxy: string }): (fitted: RoutingTable) => void {
  let told = '';
  return (fitted) => {
    const withheld = withheldRoutes(fitted);
    const now = withheld
      .map(({ id }) => id)
      .toSorted()
      .join();
    if (now === told) return;
    told = now;
    const fields = { component: 'controller', proxy, withheld: withheld.length };
    if (withheld.length === 0) log.info({ ...fields, event: 'routes_withheld_none' }, 'No route is withheld any more');
    else
      log.warn(
        { ...fields, event: 'routes_withheld', routes: withheld.slice(0, NAMED).map(describeMatch) },
        'Routes answer 503 until their tags are repaired; hind-proxy validate says why',
      );
  };
}
