Feature: Mashery on Vault's command line
  People see and change Mashery's objects by vault read, list, write and delete.

  Background:
    Given the engine
    And the role "billing"

  Scenario: A collection is listed
    When I list "mash-creds/roles/billing/v3/services"
    Then it says
      | keys        | [*] |
      | key_info    | {*} |
      | total_count | 264 |
    And it warns: these are 100 of 264 objects

  Scenario: A collection is searched, sorted and cut
    When I read "mash-creds/roles/billing/v3/services;list" with
      | filter | name:billing |
      | sort   | name:desc    |
      | fields | id,name      |
      | offset | 1            |
      | limit  | 2            |
    Then it says
      | keys | ["*","*"] |
    And Mashery got "GET /v3/rest/services?fields=id%2Cname&filter=name%3Abilling&limit=2&offset=1&sort=name%3Adesc"

  Scenario: A collection is counted
    When I read "mash-creds/roles/billing/v3/services;count"
    Then it says
      | total_count | 264 |

  Scenario: A list may name what it is
    When I list "mash-creds/roles/billing/v3/services;list"
    Then it says
      | total_count | 264 |
    When I list "mash-creds/roles/billing/v3/services;count"
    Then it says
      | keys | ["264"] |

  Scenario: Writing is off until the mount allows it
    When I write to "mash-creds/roles/billing/v3/services"
      | name | Invoices |
    Then it is refused (400): cli write operations are disabled for V3 API; to allow them, write enable_cli_v3_write=true to config
    And Mashery gave 0 tokens

  Scenario: An object is made, read, changed and deleted
    Given I write to "mash-creds/config"
      | enable_cli_v3_write | true |
    When I write to "mash-creds/roles/billing/v3/services"
      | name | Invoices |
    Then it says
      | name | Invoices |
    And I remember "id" as {service}
    When I write to "mash-creds/roles/billing/v3/services/{service}"
      | name | Bills |
    And I read "mash-creds/roles/billing/v3/services/{service}"
    Then it says
      | name | Bills |
    When I delete "mash-creds/roles/billing/v3/services/{service}"
    And I read "mash-creds/roles/billing/v3/services/{service}"
    Then it is refused (404): Mashery answered with status 404: *

  Scenario: A whole collection is not deleted by accident
    Given I write to "mash-creds/config"
      | enable_cli_v3_write | true |
    When I delete "mash-creds/roles/billing/v3/services"
    Then it is refused (400): services is a collection, and to delete it deletes all that is in it; *

  Scenario: V2 answers a query
    When I read "mash-creds/roles/billing/v2" with
      | query | select username from members where username = 'li.na' |
    Then it says
      | result.total_items | 1    |
      | error              | null |

  Scenario: V2 calls a method
    When I read "mash-creds/roles/billing/v2/test.echo" with
      | params | ["hello"] |
    Then it says
      | result | hello |

  Scenario: What may change something is a write
    When I read "mash-creds/roles/billing/v2/member.delete" with
      | params | [1] |
    Then it is refused (400): method "member.delete" may change something or give out a credential; vault write it
