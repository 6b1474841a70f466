// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// seeder fills a store with the same plausible objects every time.
type seeder struct {
	*store
	dice  *rand.Rand
	clock time.Time // when the next object was created
}

// seed makes 264 services (every sixth with endpoints), 36 members with
// applications and package keys, the packages those keys are of, and what
// belongs to all that. New objects go at the end, so that those before keep
// their ids.
func seed(s *store) {
	sd := &seeder{
		store: s,
		dice:  rand.New(rand.NewPCG(2014, 7)),
		clock: time.Date(2019, time.March, 4, 9, 12, 10, 194e6, time.UTC),
	}
	sd.services()
	plans := sd.packages()
	sd.members(plans)
	sd.portal(plans)
	sd.traffic()
	sd.access(plans)
}

// add creates an object some hours after the last one.
func (sd *seeder) add(kind string, parent *object, body map[string]any) *object {
	o := sd.create(sd.schema[kind], parent, body)
	sd.clock = sd.clock.Add(time.Duration(20+sd.dice.IntN(400)) * time.Minute)
	o.props["created"] = sd.clock.Format(dateFormat)
	o.props["updated"] = sd.clock.Add(time.Duration(sd.dice.IntN(90*24)) * time.Hour).Format(dateFormat)
	return o
}

func (sd *seeder) pick(from string) string {
	all := words(from)
	return all[sd.dice.IntN(len(all))]
}

func (sd *seeder) services() {
	n := 0
	for _, subject := range words(serviceSubjects) {
		for _, topic := range words(serviceTopics) {
			service := sd.add("services", nil, map[string]any{
				"name":            subject + " " + topic + " API",
				"description":     fmt.Sprintf("%s of the %s platform", topic, strings.ToLower(subject)),
				"version":         fmt.Sprintf("%d.%d", 1+sd.dice.IntN(3), sd.dice.IntN(10)),
				"qpsLimitOverall": 10 * (1 + sd.dice.IntN(50)),
				"cache":           map[string]any{"cacheTtl": 60 * sd.dice.IntN(5)},
			})
			service.props["editorHandle"] = sd.pick("amara.okafor li.na j.lindqvist")
			if n++; n%6 == 1 {
				sd.endpoints(service, strings.ToLower(subject), strings.ToLower(topic))
			}
		}
	}
}

func (sd *seeder) endpoints(service *object, subject, topic string) {
	for i := range 1 + sd.dice.IntN(3) {
		path := fmt.Sprintf("/%s/v%d/%s", subject, i+1, topic)
		endpoint := sd.add("endpoints", service, map[string]any{
			"name":                        fmt.Sprintf("%s v%d", topic, i+1),
			"requestPathAlias":            path,
			"outboundRequestTargetPath":   "/internal" + path,
			"trafficManagerDomain":        "api.acme.example",
			"publicDomains":               []any{map[string]any{"address": "api.acme.example"}},
			"systemDomains":               []any{map[string]any{"address": subject + ".backend.acme.example"}},
			"supportedHttpMethods":        []any{"get", "post"},
			"apiKeyValueLocations":        []any{"request-header"},
			"apiKeyValueLocationKey":      "X-Api-Key",
			"apiMethodDetectionLocations": []any{"request-path"},
			"cors":                        map[string]any{"allDomainsEnabled": i == 0, "maxAge": 300},
		})
		for _, verb := range words("list get create replace search")[:2+sd.dice.IntN(4)] {
			sd.add("methods", endpoint, map[string]any{
				"name":               verb + " " + topic,
				"sampleJsonResponse": fmt.Sprintf(`{"%s":[]}`, topic),
			})
		}
	}
}

// packages makes packages with plans and gives the plans.
func (sd *seeder) packages() []*object {
	var plans []*object
	for _, name := range words("Starter Partner Mobile Logistics Internal Insights") {
		pkg := sd.add("packages", nil, map[string]any{"name": name, "description": "For " + strings.ToLower(name) + " applications"})
		for i, plan := range words("Free Standard Premium")[:2+sd.dice.IntN(2)] {
			plans = append(plans, sd.add("plans", pkg, map[string]any{
				"name": plan, "description": name + " " + strings.ToLower(plan),
				"qpsLimitCeiling": 2 << (2 * i), "rateLimitCeiling": 5000 << (3 * i),
				"selfServiceKeyProvisioningEnabled": i == 0,
			}))
		}
	}
	return plans
}

func (sd *seeder) members(plans []*object) {
	last := words(lastNames)
	for i, first := range words(firstNames) {
		username := strings.ToLower(first + "." + last[i])
		company := sd.pick(companies)
		member := sd.add("members", nil, map[string]any{
			"username": username, "firstName": first, "lastName": last[i], "displayName": first + " " + last[i],
			"email":   username + "@" + strings.ToLower(company) + ".example",
			"company": company, "countryCode": sd.pick("DE FR GB NG IN JP BR US SE CA"),
			"areaStatus": sd.pick("active active active active waiting disabled"),
		})
		for range 1 + sd.dice.IntN(3) {
			sd.application(member, company, plans)
		}
	}
}

func (sd *seeder) application(member *object, company string, plans []*object) {
	purpose := sd.pick("Storefront Tracker Dashboard Importer Bot Mobile Kiosk Reporter")
	application := sd.add("applications", member, map[string]any{
		"name": company + " " + purpose, "description": purpose + " of " + company,
		"type": sd.pick("web mobile server"), "commercial": sd.dice.IntN(2) == 0,
		"usageModel": sd.pick("free paid internal"), "tags": strings.ToLower(purpose),
		"uri": "https://" + strings.ToLower(company+"."+purpose) + ".example",
	})
	for range 1 + sd.dice.IntN(2) {
		plan := plans[sd.dice.IntN(len(plans))]
		sd.add("packageKeys", application, map[string]any{
			"secret":          shortID(sd.ids)[:10],
			"status":          sd.pick("active active active waiting disabled"),
			"qpsLimitCeiling": plan.props["qpsLimitCeiling"], "rateLimitCeiling": plan.props["rateLimitCeiling"],
			"package": map[string]any{"id": plan.parent.id(), "name": plan.parent.props["name"]},
			"plan":    map[string]any{"id": plan.id(), "name": plan.props["name"]},
		})
	}
}

const (
	serviceSubjects = `Billing Booking Catalog Checkout Claims Customer Delivery Fleet Fraud
		Inventory Invoice Loyalty Marketing Messaging Order Payment Pricing Product
		Refund Shipping Supplier Ticket Travel Warehouse`
	serviceTopics = `Accounts Documents Events History Labels Limits Notes Profiles
		Reports Search Status`
	firstNames = `Amara Li Johanna Kofi Priya Mateo Yuki Fatima Lars Ines Tomasz Aisha
		Noah Chiara Dmitri Leila Owen Sakura Rafael Greta Samuel Mei Pierre Zanele
		Hassan Ingrid Carlos Anya Bram Noor Elena Kwame Freya Ravi Hugo Olu`
	lastNames = `Okafor Na Lindqvist Mensah Raman Herrera Tanaka Haddad Nilsen Carvalho Nowak Diallo
		Becker Ricci Volkov Rahimi Hughes Ito Moreira Vogel Osei Lin Laurent Dlamini
		Aziz Berg Vega Petrova Jansen Bakker Popescu Asante Larsen Iyer Dubois Adeyemi`
	companies = `Acme Bluebird Cobalt Driftwood Evergreen Fjord Granite Harbor Indigo Juniper
		Kestrel Lumen Meridian Northwind`
)
