import { createPipeline } from '../../src/controller/pipeline.ts';
import { sourceId } from '../../src/model/names.ts';
import type { RoutingTable } from '../../src/model/route.ts';
import { parseServices } from '../../src/sources/service-file.ts';
import type { RenderSettings } from '../../src/targets/target.ts';
import { CASE_DIALECTS, OPTIONS } from '../support/intents.ts';

/** A service with its tags as a test writes it. */
export interface GivenService {
  readonly service: string;
  readonly address: string;
  /** Default: 80. */
  readonly port?: number;
  readonly tags: readonly string[];
}

/** The table that services ask for at the entry points of settings. */
export function tableOf(settings: Pick<RenderSettings, 'entryPoints'>, services: readonly GivenService[]): RoutingTable {
  const source = sourceId('file');
  const pipeline = createPipeline({
    dialects: CASE_DIALECTS,
    compile: { ...OPTIONS, entryPoints: settings.entryPoints },
    primary: sourceId('nomad'),
    merge: 'primary-wins',
  });
  const instances = parseServices(
    services.map(({ service, address, port = 80, tags }) => ({ name: service, address, port, tags })),
    source,
  );
  return pipeline.compile([{ source, revision: '0', observedAtMs: 0, local: true, instances }], new Map()).value.table;
}
