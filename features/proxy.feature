Feature: Proxy mode
  The engine makes calls itself and gives Mashery's answers as they are, so that no credential leaves Vault.

  Background:
    Given the engine
    And the role "billing"

  Scenario Outline: Every form of a V3 call reaches Mashery with its verb, path and query
    When a program sends <request>
    Then Mashery got "<arrives>"

    Examples: reading
      | request                                                                          | arrives                                            |
      | GET "mash-creds/roles/billing/proxy/v3/services?limit=2&offset=4"                 | GET /v3/rest/services?limit=2&offset=4             |
      | LIST "mash-creds/roles/billing/proxy/v3/services?limit=2"                         | GET /v3/rest/services?limit=2                      |
      | GET "mash-creds/roles/billing/proxy/v3/services?filter=name%3Aa&filter=name%3Ab"  | GET /v3/rest/services?filter=name%3Aa&filter=name%3Ab |
      | GET "mash-creds/roles/billing/proxy/v3-method/get/services?limit=2"               | GET /v3/rest/services?limit=2                      |
      | GET "mash-creds/roles/billing/proxy/v3-method/head/services"                      | HEAD /v3/rest/services                             |

    Examples: writing
      | request                                                                                        | arrives                  |
      | POST "mash-creds/roles/billing/proxy/v3/services" with {"name": "A"}                            | POST /v3/rest/services   |
      | POST "mash-creds/roles/billing/proxy/v3/services/1;target-method-put" with {"name": "A"}        | PUT /v3/rest/services/1  |
      | PUT "mash-creds/roles/billing/proxy/v3/services/1;target-method-PUT" with {"name": "A"}         | PUT /v3/rest/services/1  |
      | POST "mash-creds/roles/billing/proxy/v3/services;target-method-post" with {"name": "A"}         | POST /v3/rest/services   |
      | POST "mash-creds/roles/billing/proxy/v3/services/1;target-method-delete"                        | DELETE /v3/rest/services/1 |
      | POST "mash-creds/roles/billing/proxy/v3-method/post/services" with {"name": "A"}                | POST /v3/rest/services   |
      | PUT "mash-creds/roles/billing/proxy/v3-method/put/services/1" with {"name": "A"}                | PUT /v3/rest/services/1  |
      | POST "mash-creds/roles/billing/proxy/v3-method/delete/services/1"                               | DELETE /v3/rest/services/1 |
      | DELETE "mash-creds/roles/billing/proxy/v3/services/1"                                           | DELETE /v3/rest/services/1 |

  Scenario Outline: Both forms of a V2 call reach Mashery
    When a program sends POST "mash-creds/roles/billing/proxy/<path>" with <body>
    Then its status is 200
    And Mashery got "POST /v2/json-rpc/712"
    And it says
      | result.total_items | 36 |

    Examples:
      | path            | body                                                                                 |
      | v2              | {"id": 1, "method": "object.query", "params": ["select username from members"]}      |
      | v2/object.query | {"id": 1, "method": "object.query", "params": ["select username from members"]}      |
      | v2/object.query | {"id": 1, "params": ["select username from members"]}                                |
      | v2/object.query | {"id": 1, "method": null, "params": ["select username from members"]}                |

  Scenario Outline: A method in the path serves for an empty body
    When a program sends POST <request>
    Then Mashery got "POST /v2/json-rpc/712"
    And Mashery got the body {"method":"test.hello"}

    Examples:
      | request                                                               |
      | "mash-creds/roles/billing/proxy/v2/test.hello"                        |
      | "mash-creds/roles/billing/proxy/v2/test.hello" with {}                |
      | "mash-creds/roles/billing/proxy/v2/test.hello" with {"method": null}  |

  Scenario: A write that was passed on keeps its verb and query
    When a program sends PUT "mash-creds/roles/billing/proxy/v3/services/1" with the header "X-Mashproxy-Method: PUT" and {"name": "A"}
    Then Mashery got "PUT /v3/rest/services/1"
    When a program sends POST "mash-creds/roles/billing/proxy/v3/services" with the header "X-Mashproxy-Query: fields=id,name" and {"name": "A"}
    Then Mashery got "POST /v3/rest/services?fields=id,name"
    And it does not tell "created"

  Scenario: The answer is Mashery's own
    When a program sends GET "mash-creds/roles/billing/proxy/v3/services?limit=2"
    Then its status is 200
    And it is a list of 2
    And its header "X-Total-Count" is "264"
    And its header "X-Proxy-Mode" is "vault-plugin-secrets-mashery/v*"
    And its header "X-Server-Date" is "*"

  Scenario: So are Mashery's errors
    When a program sends GET "mash-creds/roles/billing/proxy/v3/services/nosuch"
    Then its status is 404
    Given Mashery has the fault "error,status=596,api=v3"
    When a program sends GET "mash-creds/roles/billing/proxy/v3/services"
    Then its status is 596
    And its header "X-Mashery-Error-Code" is "ERR_596_SERVICE_NOT_FOUND"

  Scenario: An object is made, changed and deleted
    When a program sends POST "mash-creds/roles/billing/proxy/v3/services" with {"name": "Invoices"}
    Then its status is 200
    And I remember "id" as {service}
    When a program sends POST "mash-creds/roles/billing/proxy/v3-method/put/services/{service}" with {"name": "Bills"}
    And a program sends GET "mash-creds/roles/billing/proxy/v3/services/{service}"
    Then it says
      | name | Bills |
    When a program sends DELETE "mash-creds/roles/billing/proxy/v3/services/{service}"
    And a program sends GET "mash-creds/roles/billing/proxy/v3/services/{service}"
    Then its status is 404

  Scenario: A body keeps its numbers
    When a program sends POST "mash-creds/roles/billing/proxy/v3/services" with {"name":"A","robots":1234567890123456}
    Then Mashery got the body {"name":"A","robots":1234567890123456}

  Scenario: A call over Mashery's limit is made again when it may be
    Given Mashery has the fault "over_qps,count=1"
    When a program sends GET "mash-creds/roles/billing/proxy/v3/services?limit=1"
    Then it is a list of 1

  Scenario: A token that died is replaced
    Given Mashery has the fault "dead_token,count=1"
    When a program sends GET "mash-creds/roles/billing/proxy/v3/services?limit=1"
    Then it is a list of 1
    And Mashery gave 2 tokens

  Scenario: No answer of Mashery is an error in words
    Given Mashery has the fault "cut_before"
    When a program sends POST "mash-creds/roles/billing/proxy/v3/services" with {"name": "A"}
    Then it is refused (502): role "billing": *

  Scenario Outline: A call that cannot be meant is refused
    When a program sends <request>
    Then it is refused (400): <why>
    And Mashery gave 0 tokens

    Examples:
      | request                                                                                       | why |
      | GET "mash-creds/roles/billing/proxy/v3-method/delete/services/1"                               | verb "DELETE" cannot be used here; use one of GET, HEAD |
      | GET "mash-creds/roles/billing/proxy/v3/services;target-method-put"                             | ;target-method-* is for POST and PUT; drop it |
      | POST "mash-creds/roles/billing/proxy/v2/object.query" with {"method": "key.delete"}            | the path names the method "object.query", the body another; make them agree |
