DROP TABLE composition_photographs;
DROP TABLE compositions;
