import { mapLimited } from '../lib/async.ts';
import type { Nomad, NomadAnswer } from '../nomad/client.ts';
import { NomadError } from '../nomad/error.ts';
import type { NamespaceServices, Registration } from '../nomad/types.ts';
import type { NomadService } from './nomad-catalog.ts';

/** Reads that are in flight at once when many are asked for. */
export const IN_FLIGHT = 16;

/** The services of all namespaces that are watched. */
export type NomadListing = NomadAnswer<readonly NamespaceServices[]>;

/** Reads that prove something. All throw `NomadError` where an answer is no evidence. */
export interface NomadReads {
  list(signal: AbortSignal): Promise<NomadListing>;
  service(service: NomadService, signal: AbortSignal): Promise<{ readonly index: bigint; readonly rows: readonly Registration[] }>;
  /** Those of these namespaces that the token may not read. */
  unreadable(namespaces: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
}

/** Reads of an agent; `namespaces`: those that are watched, or all of them (`*`). */
export function createNomadReads(nomad: Nomad, namespaces: readonly string[] | '*'): NomadReads {
  return {
    async list(signal) {
      if (namespaces === '*') return trusted(await nomad.services.list('*', signal));
      const answers = await mapLimited(namespaces, IN_FLIGHT, async (namespace) => trusted(await nomad.services.list(namespace, signal)));
      // the index is the table's, so the lowest one says up to where all of them are complete
      const index = answers.reduce((lowest, answer) => (answer.index < lowest ? answer.index : lowest), answers[0]?.index ?? 0n);
      return { index, knownLeader: true, body: answers.flatMap(({ body }) => body) };
    },
    async service({ namespace, name }, signal) {
      const { index, body } = trusted(await nomad.services.get(name, namespace, signal));
      return { index, rows: body };
    },
    async unreadable(asked, signal) {
      const refused = await mapLimited(asked, IN_FLIGHT, async (namespace) => {
        try {
          trusted(await nomad.services.list(namespace, signal));
          return [];
        } catch (error) {
          if (error instanceof NomadError && error.status === 403) return [namespace];
          throw error;
        }
      });
      return refused.flat();
    },
  };
}

/** An answer that may prove an absence. Throws where it cannot. */
function trusted<T>(answer: NomadAnswer<T>): NomadAnswer<T> {
  if (!answer.knownLeader) throw new NomadError('Cannot trust an answer of Nomad: it knows no leader', { failure: 'status', status: 500 });
  if (answer.index === 0n)
    throw new NomadError('Cannot read the services of Nomad: the token has rights in no namespace, expected read-job', {
      failure: 'status',
      status: 403,
    });
  return answer;
}
