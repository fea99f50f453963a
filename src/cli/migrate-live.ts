import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../lib/errors.ts';
import { mapLimited } from '../lib/async.ts';
import { visible } from '../lib/text.ts';
import { readJson } from '../jobfiles/json.ts';
import { formOf } from '../jobfiles/read.ts';
import { rewriteFile, type Convert, type Finding, type RewriteMode } from '../jobfiles/rewrite.ts';
import { redactedTag } from '../model/redact.ts';
import type { Nomad } from '../nomad/client.ts';
import { NomadError } from '../nomad/error.ts';
import type { JobPlan } from '../nomad/types.ts';
import { setUpFor, type Context } from './context.ts';
import { createConverter } from './conversion.ts';
import { CommandError, EXIT } from './errors.ts';
import { liveServices, reachableNomad, withJobs, type JobName, type LiveCatalog, type LiveService } from './live-services.ts';
import { loadFor } from './load-for.ts';
import { countsOf, notesText, presentText } from './migrate-report.ts';
import type { MigrateFlags } from './migrate.ts';
import { dialectNamed } from './named.ts';
import type { Printer } from './print.ts';

/** What of one service would change. */
interface ServiceChange extends LiveService {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly findings: readonly Finding[];
  readonly changes: ReturnType<typeof rewriteFile>['changes'];
}

/** What Nomad says of a job with its tags changed. */
export interface PlannedJob {
  /** The file that it was parsed from. */
  readonly file?: string;
  readonly job: JobName;
  readonly services: readonly string[];
  readonly outcome:
    | {
        readonly kind: 'planned';
        readonly updates: Readonly<Record<string, number>>;
        readonly warnings?: string;
        readonly unplaced: readonly string[];
      }
    /** Its tags are made by an expression, or elsewhere. */
    | { readonly kind: 'unchanged' }
    | { readonly kind: 'failed'; readonly message: string };
}

const AT_ONCE = 4;

/**
 * Prints what would change in the tags of a live catalog, service by service, and which job owns each. Where a Nomad answers, it plans the
 * changed jobs. Nothing is written anywhere. Exit 1 where Nomad refuses a job.
 */
export async function migratePlanLive(flags: MigrateFlags, context: Context): Promise<number> {
  const { printer, signal } = context;
  if (flags.diff) throw new CommandError('Cannot use --diff together with --from: a catalog has no files to patch', EXIT.usage);
  const from = catalogNamed(flags.from);
  const to = dialectNamed(flags.to, '--to');
  const mode: RewriteMode = flags.replace ? 'replace' : 'add';
  await using dir = await mkdtempDisposable(join(tmpdir(), 'hind-proxy-plan-'));
  const setup = await setUpFor({ ...flags, stateDir: dir.path }, context, { quiet: true });
  const convert = createConverter(setup.config, { to });
  const found = await liveServices(from, setup, signal);
  const nomad = await reachableNomad(setup, signal);
  const services = (nomad ? await withJobs(found, nomad, signal) : found).map((service) => changeOf(service, { mode, convert }));
  const changing = services.filter(({ added, removed }) => added.length + removed.length > 0);
  const jobs = nomad ? await plannedJobs(changing, { nomad, mode, convert, signal }) : [];
  await nomad?.close();
  const counts = {
    services: services.length,
    changing: changing.length,
    ...pick(
      countsOf({ files: services.map(({ changes, findings }) => ({ path: '', before: '', text: '', edits: [], changes, findings })) }),
    ),
    jobs: jobs.length,
    refused: jobs.filter(({ outcome }) => outcome.kind === 'failed').length,
  };
  if (flags.json) printer.json({ from, to, mode, nomad: nomad ? 'asked' : 'unreachable', counts, services: services.map(viewOf), jobs });
  else {
    for (const line of textOf(services, jobs, printer)) printer.out(line);
    if (!nomad) printer.say('no Nomad answers: the jobs are not planned (--nomad ADDRESS, NOMAD_ADDR)');
    printer.out(
      `services in ${from}: ${counts.services}, to change: ${counts.changing}; tags converted to ${to}: ${counts.automatic}${presentText(counts.present)}, by hand: ${counts.byHand}, lossy: ${counts.lossy}; jobs planned: ${counts.jobs}, refused: ${counts.refused}`,
    );
  }
  if (counts.refused > 0) return EXIT.failed;
  return flags.strict && counts.byHand + counts.lossy + counts.guessed > 0 ? EXIT.losses : EXIT.ok;
}

/**
 * What the Nomad of `--nomad` makes of changed files: jobs in HCL are parsed and planned there, never registered. Throws `CommandError`
 * where it does not answer.
 */
export async function plannedFiles(
  files: readonly { readonly path: string; readonly text: string }[],
  flags: MigrateFlags,
  context: Context,
): Promise<readonly PlannedJob[]> {
  const { signal } = context;
  const { config } = loadFor(flags, context);
  const nomad = await reachableNomad({ config, env: context.env }, signal);
  if (!nomad) throw new CommandError(`Cannot plan the jobs: no Nomad answers at ${flags.nomad ?? ''}`, EXIT.unreachable);
  try {
    const jobs = files.filter(({ path, text }) => formOf(path) === 'hcl' && /^\s*job\s+"/m.test(text));
    return await mapLimited(jobs, AT_ONCE, async ({ path, text }): Promise<PlannedJob> => {
      const unread: JobName = { id: '', namespace: '' };
      const outcome = await refusedOr(signal, async () => {
        const json = await nomad.jobs.parse(text, signal);
        const { ID: id, Namespace: namespace } = JSON.parse(json) as { readonly ID: string; readonly Namespace: string };
        const plan = plannedOf(await nomad.jobs.plan({ id, namespace, json }, signal));
        return { job: { id, namespace }, plan };
      });
      return 'plan' in outcome
        ? { file: path, job: outcome.job, services: [], outcome: outcome.plan }
        : { file: path, job: unread, services: [], outcome };
    });
  } finally {
    await nomad.close();
  }
}

/** What Nomad does not do for us, as an outcome of the job. */
async function refusedOr<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T | Extract<PlannedJob['outcome'], { kind: 'failed' }>> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof NomadError) || signal.aborted) throw error;
    const hint = error.status === 403 ? ' (a plan needs the right submit-job; nothing is submitted)' : '';
    return { kind: 'failed', message: `${messageOf(error)}${hint}` };
  }
}

/** Jobs in lines for people. */
export function plannedText(jobs: readonly PlannedJob[]): readonly string[] {
  return jobs.map(({ file, job, services, outcome }) => {
    const name = job.id === '' ? '' : `job ${job.id} (${job.namespace})`;
    const head = [file, [name, services.join(', ')].filter(Boolean).join(', ')].filter(Boolean).join(': ');
    return visible(`${head}: ${outcomeText(outcome)}`);
  });
}

function catalogNamed(name: string | undefined): LiveCatalog {
  if (name === 'consul' || name === 'nomad') return name;
  throw new CommandError(`Cannot read --from "${name ?? ''}": expected consul or nomad`, EXIT.usage);
}

type TagCounts = Pick<ReturnType<typeof countsOf>, 'automatic' | 'present' | 'byHand' | 'lossy' | 'guessed' | 'done'>;

function pick({ automatic, present, byHand, lossy, guessed, done }: TagCounts): TagCounts {
  return { automatic, present, byHand, lossy, guessed, done };
}

interface Conversion {
  readonly mode: RewriteMode;
  readonly convert: Convert;
}

/** The tags as a file would have them, so that they are changed in the same way. */
function changeOf(service: LiveService, conversion: Conversion): ServiceChange {
  const text = JSON.stringify({ Name: service.service, Port: service.port, Tags: service.tags });
  const { text: after, changes, findings } = rewriteFile(text, readJson(text), conversion);
  const tags = (JSON.parse(after) as { readonly Tags: readonly string[] }).Tags;
  return {
    ...service,
    added: tags.filter((tag) => !service.tags.includes(tag)),
    removed: service.tags.filter((tag) => !tags.includes(tag)),
    changes,
    findings,
  };
}

async function plannedJobs(
  services: readonly ServiceChange[],
  { nomad, signal, ...conversion }: Conversion & { readonly nomad: Nomad; readonly signal: AbortSignal },
): Promise<readonly PlannedJob[]> {
  const jobs = new Map<string, { readonly job: JobName; readonly services: string[] }>();
  for (const { job, service } of services) {
    if (!job) continue;
    const key = JSON.stringify([job.namespace, job.id]);
    const known = jobs.get(key) ?? { job, services: [] };
    known.services.push(service);
    jobs.set(key, known);
  }
  return mapLimited([...jobs.values()], AT_ONCE, async (one) => ({ ...one, outcome: await outcomeOf(one.job) }));

  async function outcomeOf({ id, namespace }: JobName): Promise<PlannedJob['outcome']> {
    return refusedOr<PlannedJob['outcome']>(signal, async () => {
      const text = await nomad.jobs.read(id, namespace, signal);
      const { text: json } = rewriteFile(text, readJson(text), conversion);
      return json === text ? { kind: 'unchanged' } : plannedOf(await nomad.jobs.plan({ id, namespace, json }, signal));
    });
  }
}

function plannedOf({ Annotations: annotations, FailedTGAllocs: failed, Warnings: warnings }: JobPlan): PlannedJob['outcome'] {
  const updates: Record<string, number> = {};
  for (const group of Object.values(annotations?.DesiredTGUpdates ?? {}))
    for (const [name, count] of Object.entries(group)) if (count > 0) updates[name] = (updates[name] ?? 0) + count;
  return { kind: 'planned', updates, unplaced: Object.keys(failed ?? {}), ...(warnings && { warnings }) };
}

function viewOf({ changes: _changes, tags, added, removed, findings, ...service }: ServiceChange): unknown {
  return {
    ...service,
    tags: tags.map(redactedTag),
    added: added.map(redactedTag),
    removed: removed.map(redactedTag),
    findings: findings.map(({ line: _line, column: _column, place: _place, tag, ...finding }) => ({
      ...finding,
      ...(tag !== undefined && { tag: redactedTag(tag) }),
    })),
  };
}

function textOf(services: readonly ServiceChange[], jobs: readonly PlannedJob[], printer: Pick<Printer, 'style'>): readonly string[] {
  const handWorkOf = ({ findings }: ServiceChange): readonly Finding[] => findings.filter(({ byHand }) => byHand);
  const told = services.filter((service) => service.added.length + service.removed.length + handWorkOf(service).length > 0);
  const notes = services.flatMap(({ service, findings }) =>
    findings.filter(({ byHand }) => !byHand).map((finding) => ({ ...finding, where: service })),
  );
  return [
    ...told.flatMap((service) => [
      visible(`${service.service} (${service.owner}): ${service.instances} instances, ${ownerText(service)}`),
      ...service.removed.map((tag) => visible(`  - ${redactedTag(tag)}`)),
      ...service.added.map((tag) => visible(`  + ${redactedTag(tag)}`)),
      ...handWorkOf(service).map(({ code, message, tag }) =>
        visible(`  ${code} ${message}${tag === undefined ? '' : `: ${redactedTag(tag)}`}`),
      ),
    ]),
    ...notesText(notes, printer),
    ...plannedText(jobs),
  ];
}

function ownerText({ job, allocation, nodes }: LiveService): string {
  if (job) return `job ${job.id} (${job.namespace})`;
  if (allocation !== undefined) return `allocation ${allocation} of Nomad`;
  return nodes.length === 0 ? 'no job of Nomad' : `registered with the agent of ${nodes.join(', ')}`;
}

function outcomeText(outcome: PlannedJob['outcome']): string {
  if (outcome.kind === 'failed') return outcome.message;
  if (outcome.kind === 'unchanged') return 'its tags are not written in it as they are registered, by hand';
  const updates = Object.entries(outcome.updates).map(([name, count]) => `${count} ${name}`);
  const unplaced = outcome.unplaced.length > 0 ? `; cannot be placed: ${outcome.unplaced.join(', ')}` : '';
  return `Nomad would do ${updates.length === 0 ? 'nothing' : updates.join(', ')}${unplaced}`;
}
