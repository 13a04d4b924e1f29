/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Techniques and tactics of MITRE ATT&CK for Enterprise. Ids, names and
 * tactics of v18.1 are from MITRE's STIX data (mitre/cti, ATT&CK v18.1). For
 * v19.1: tactic TA0005 is called Stealth, TA0112 Defense Impairment is new,
 * and T1562 with .001 and .006 became T1685; which of the two tactics a
 * technique is in now is as the rules of SigmaHQ of August 2026 are tagged.
 */
#include "lsawatch/out/out.h"

#include <string.h>

const struct attack_tactic attack_tactics[] = {
	{ "TA0002", "Execution" },
	{ "TA0003", "Persistence" },
	{ "TA0004", "Privilege Escalation" },
	{ "TA0005", "Stealth" },
	{ "TA0006", "Credential Access" },
	{ "TA0007", "Discovery" },
	{ "TA0010", "Exfiltration" },
	{ "TA0011", "Command and Control" },
	{ "TA0040", "Impact" },
	{ "TA0112", "Defense Impairment" },
	{ 0 },
};

/* All that has another id in v18.1 was in this one. */
const struct attack_tactic attack_tactic18 = { "TA0005", "Defense Evasion" };
const struct attack_technique attack_whole18 = { "T1562", "Impair Defenses", "", "", "TA0005" };

const struct attack_technique attack_techniques[] = {
	{ "T1003", "OS Credential Dumping", "", "", "TA0006" },
	{ "T1003.007", "Proc Filesystem", "", "", "TA0006" },
	{ "T1014", "Rootkit", "", "", "TA0005" },
	{ "T1036", "Masquerading", "", "", "TA0005" },
	{ "T1036.003", "Rename Legitimate Utilities", "", "", "TA0005" },
	{ "T1036.005", "Match Legitimate Resource Name or Location", "", "", "TA0005" },
	{ "T1036.008", "Masquerade File Type", "", "", "TA0005" },
	{ "T1036.009", "Break Process Trees", "", "", "TA0005" },
	{ "T1041", "Exfiltration Over C2 Channel", "", "", "TA0010" },
	{ "T1055", "Process Injection", "", "", "TA0005 TA0004" },
	{ "T1055.008", "Ptrace System Calls", "", "", "TA0005 TA0004" },
	{ "T1055.009", "Proc Memory", "", "", "TA0005 TA0004" },
	{ "T1057", "Process Discovery", "", "", "TA0007" },
	{ "T1059", "Command and Scripting Interpreter", "", "", "TA0002" },
	{ "T1068", "Exploitation for Privilege Escalation", "", "", "TA0004" },
	{ "T1070", "Indicator Removal", "", "", "TA0005" },
	{ "T1070.004", "File Deletion", "", "", "TA0005" },
	{ "T1071", "Application Layer Protocol", "", "", "TA0011" },
	{ "T1222", "File and Directory Permissions Modification", "", "", "TA0112" },
	{ "T1222.002", "Linux and Mac File and Directory Permissions Modification", "", "",
	  "TA0112" },
	{ "T1489", "Service Stop", "", "", "TA0040" },
	{ "T1499", "Endpoint Denial of Service", "", "", "TA0040" },
	{ "T1499.004", "Application or System Exploitation", "", "", "TA0040" },
	{ "T1548", "Abuse Elevation Control Mechanism", "", "", "TA0004" },
	{ "T1553", "Subvert Trust Controls", "", "", "TA0112" },
	{ "T1554", "Compromise Host Software Binary", "", "", "TA0003" },
	{ "T1574", "Hijack Execution Flow", "", "", "TA0005 TA0003 TA0004 TA0002" },
	{ "T1574.006", "Dynamic Linker Hijacking", "", "", "TA0005 TA0003 TA0004 TA0002" },
	{ "T1620", "Reflective Code Loading", "", "", "TA0005" },
	{ "T1685", "Disable or Modify Tools", "T1562.001", "Disable or Modify Tools", "TA0112" },
	{ 0 },
};

bool
attack_word(const char **list, char *word, size_t n)
{
	size_t len;

	*list += strspn(*list, " ");
	len = strcspn(*list, " ");
	if (len == 0 || len >= n)
		return false;
	memcpy(word, *list, len);
	word[len] = '\0';
	*list += len;
	return true;
}

const struct attack_technique *
attack_technique(const char *id)
{
	for (size_t i = 0; attack_techniques[i].id != NULL; i++) {
		if (strcmp(attack_techniques[i].id, id) == 0)
			return &attack_techniques[i];
	}
	return NULL;
}

const struct attack_tactic *
attack_tactic(const char *id)
{
	for (size_t i = 0; attack_tactics[i].id != NULL; i++) {
		if (strcmp(attack_tactics[i].id, id) == 0)
			return &attack_tactics[i];
	}
	return NULL;
}
