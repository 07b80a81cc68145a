import { onTestFinished } from "vitest";
import type { Setting } from "../local/workerd.ts";
import { Client } from "./client.ts";

/** A worker that is closed when the test ends. */
export async function open(setting: Partial<Setting> = {}): Promise<Client> {
  const client = await Client.open(setting);
  onTestFinished(() => client.close());
  return client;
}
