// SPDX-License-Identifier: MPL-2.0

package emulator

import "slices"

// domainKind is a domain that endpoints may use; whether it is active is for
// Mashery's people to say [V3 docs, Domains], but a status that is sent is kept
// [Go client].
func domainKind() *kind {
	return &kind{
		name: "domains", label: "domain", access: open, newID: uuid,
		implicit: words("id created domain status"),
		required: words("domain"),
		unique:   words("domain"),
		defaults: map[string]any{"status": "waiting"},
		beside:   words("publicDomains systemDomains"),
	}
}

// publicDomainKind lists the endpoints by the addresses callers use.
func publicDomainKind() *kind {
	return &kind{
		name: "publicDomains", segment: "public", label: "public domain",
		implicit: words("id name domain path created updated"),
		derive: func(s *store) []*object {
			return s.addresses("publicDomains", "requestPathAlias")
		},
		beside: words("publicDomainsHostnames"),
	}
}

// systemDomainKind lists the endpoints by the addresses behind them.
func systemDomainKind() *kind {
	return &kind{
		name: "systemDomains", segment: "system", label: "system domain",
		implicit: words("id name domain path created updated"),
		derive: func(s *store) []*object {
			return s.addresses("systemDomains", "outboundRequestTargetPath")
		},
		beside: words("systemDomainsHostnames"),
	}
}

// hostnameKind lists the hosts of public or system domains, each once.
func hostnameKind(domains string) *kind {
	return &kind{
		name: domains + "Hostnames", segment: "hostnames", label: "hostname",
		implicit: words("address"),
		derive:   func(s *store) []*object { return s.hostnames(domains) },
	}
}

func maintenanceEventKind() *kind {
	return &kind{
		name: "scheduledMaintenanceEvents", label: "scheduled maintenance event", access: open, newID: uuid,
		implicit: words("id name startDateTime endDateTime endpoints"),
		required: words("name startDateTime endDateTime"),
		dates:    words("startDateTime endDateTime"),
		children: words("maintainedEndpoints"),
	}
}

// maintainedEndpointKind lists the endpoints that rest during an event.
func maintainedEndpointKind() *kind {
	return &kind{
		name: "maintainedEndpoints", segment: "endpoints", label: "service definition endpoint",
		implicit: words("id name"),
		of:       "endpoints", refer: "id", links: "scheduledMaintenanceEvent",
	}
}

func ioDocKind() *kind {
	return &kind{
		name: "iodocs", segment: "iodocs/services", label: "I/O Docs definition", access: open,
		implicit:   words("serviceId created updated defaultApi"),
		explicit:   words("definition"),
		required:   words("definition"),
		structured: words("definition"),
		fixed:      words("serviceId"),
		defaults:   map[string]any{"defaultApi": false},
		of:         "services", refer: "serviceId",
	}
}

// addresses gives each endpoint as often as it has addresses in a property.
func (s *store) addresses(property, path string) []*object {
	k := s.schema[property]
	var found []*object
	for _, endpoint := range s.all["endpoints"] {
		for _, host := range endpoint.values([]string{property, "address"}) {
			found = append(found, &object{in: s, kind: k, parent: endpoint.parent, props: map[string]any{
				"id": endpoint.id(), "name": endpoint.props["name"], "domain": host, "path": endpoint.props[path],
				"created": endpoint.props["created"], "updated": endpoint.props["updated"],
			}})
		}
	}
	return found
}

func (s *store) hostnames(property string) []*object {
	var hosts []string
	for _, o := range s.collection(s.schema[property], nil) {
		hosts = append(hosts, text(o.props["domain"]))
	}
	slices.Sort(hosts)
	var found []*object
	for _, host := range slices.Compact(hosts) {
		found = append(found, &object{in: s, kind: s.schema[property+"Hostnames"], props: map[string]any{"address": host}})
	}
	return found
}
