// SPDX-License-Identifier: MPL-2.0

// Package emulator is an emulated Mashery: one [http.Handler] with the token
// endpoint (POST /v3/token), the V3 REST API (/v3/rest/…) and the V2 JSON-RPC
// API (POST /v2/json-rpc/{area number}), whose objects live in memory. It checks
// Basic credentials, access tokens and V2 signatures for real, counts calls per
// API key and calendar second, and remembers what it was asked. It can be told to
// fail ([Fault]), from outside too ([Emulator.Admin]), and be served by TLS
// ([Authority]).
//
// What Mashery documents, or recorded traffic shows, is done so; the comments
// name the page ("[V3 docs, Pagination]") or say "observed". Where neither
// speaks, one behaviour is chosen and its comment says "chosen":
//
//   - a refused call counts neither towards the second nor towards the day;
//     token requests count towards neither, but may have a limit of their own;
//   - a refresh token works once and does not age; a new access token leaves
//     older ones alive, unless [FaultKillOlder] says otherwise;
//   - filters compare without regard to case; a filter on a property nobody
//     has matches nothing; sorting by one is refused;
//   - what a key is of, a package or a plan, is not deleted; a part of an object,
//     such as a service's cache, is 404 while it is not set;
//   - what V2 calls keys and package keys are the same objects; of the codes of
//     V2's errors, validate knows 1000 only;
//   - a property nobody knows is ignored in bodies, as V2 documents for itself;
//   - JSON-RPC's own errors use the codes and statuses of the JSON-RPC over
//     HTTP draft; a batch is refused.
package emulator
