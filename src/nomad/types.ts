import { z } from 'zod';

const tags = z
  .array(z.string())
  .nullish()
  .transform((value) => value ?? []);

/** One row of `/v1/service/:name`, and what an event about a service carries. */
export const registration: z.ZodType<Registration> = z.looseObject({
  ID: z.string(),
  ServiceName: z.string(),
  Namespace: z.string(),
  NodeID: z.string().default(''),
  Datacenter: z.string().default(''),
  AllocID: z.string().default(''),
  JobID: z.string().default(''),
  Address: z.string().default(''),
  Port: z.number().default(0),
  Tags: tags,
  ModifyIndex: z.number(),
});

/** A registered instance. `Address` may be empty and `Port` 0. */
export interface Registration {
  readonly ID: string;
  readonly ServiceName: string;
  readonly Namespace: string;
  readonly NodeID: string;
  readonly Datacenter: string;
  readonly AllocID: string;
  readonly JobID: string;
  readonly Address: string;
  readonly Port: number;
  readonly Tags: readonly string[];
  readonly ModifyIndex: number;
}

/** The rows of `/v1/service/:name`. */
export const registrations: z.ZodType<readonly Registration[]> = z.array(registration);

/** The services of one namespace in `/v1/services`; tags are merged over instances. */
export interface NamespaceServices {
  readonly Namespace: string;
  readonly Services: readonly { readonly ServiceName: string; readonly Tags: readonly string[] }[];
}

/** `/v1/services`, in random order. */
export const serviceList: z.ZodType<readonly NamespaceServices[]> = z.array(
  z.looseObject({
    Namespace: z.string(),
    Services: z.array(z.looseObject({ ServiceName: z.string(), Tags: tags })),
  }),
);

const counts = z.record(z.string(), z.number());

/** What `/v1/job/:id/plan` says: how many allocations of each group would be updated in which way, and why some could not be placed. */
export interface JobPlan {
  readonly Annotations?:
    | { readonly DesiredTGUpdates?: Readonly<Record<string, Readonly<Record<string, number>>>> | null | undefined }
    | null
    | undefined;
  readonly FailedTGAllocs?: Readonly<Record<string, unknown>> | null | undefined;
  readonly Warnings?: string | undefined;
}

/** The answer of `/v1/job/:id/plan`. */
export const jobPlan: z.ZodType<JobPlan> = z.looseObject({
  Annotations: z.looseObject({ DesiredTGUpdates: z.record(z.string(), counts).nullish() }).nullish(),
  FailedTGAllocs: z.record(z.string(), z.unknown()).nullish(),
  Warnings: z.string().optional(),
});

/** Of which job an allocation is. */
export interface AllocationJob {
  readonly JobID: string;
  readonly Namespace: string;
}

/** What is read of `/v1/allocation/:id`. */
export const allocationJob: z.ZodType<AllocationJob> = z.looseObject({ JobID: z.string(), Namespace: z.string() });

/** One event of the topic Service. Its `Index` orders it: a deletion's payload still has the old ModifyIndex. */
export interface ServiceEvent {
  readonly Topic: string;
  readonly Type: string;
  readonly Index: number;
  readonly Payload: { readonly Service: Registration };
}

/** An event about a service; those of other topics do not fit. */
export const serviceEvent: z.ZodType<ServiceEvent> = z.looseObject({
  Topic: z.literal('Service'),
  Type: z.string(),
  Index: z.number(),
  Payload: z.looseObject({ Service: registration }),
});

/** One line of the event stream: `{}` or a transaction. */
export const streamLine: z.ZodType<{ readonly Index?: number | undefined; readonly Events?: readonly unknown[] | null | undefined }> =
  z.looseObject({ Index: z.int().optional(), Events: z.array(z.unknown()).nullish() });
